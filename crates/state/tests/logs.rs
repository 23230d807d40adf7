//! Log segments: order, bounds, following, torn records.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use coracle_spec::{ByteSize, FunctionId};
use coracle_state::{Line, LogLimits, State, Stream};

fn small() -> LogLimits {
    LogLimits {
        line: ByteSize(64),
        segment: ByteSize(1000),
        function: ByteSize(4000),
    }
}

fn open(directory: &tempfile::TempDir, limits: LogLimits) -> State {
    State::open(directory.path(), limits).unwrap()
}

fn hello() -> FunctionId {
    "hello".parse().unwrap()
}

fn line(text: impl Into<String>) -> Line {
    Line {
        at_ms: 1,
        revision: 1,
        instance: "i".to_owned(),
        stream: Stream::Stdout,
        text: text.into(),
        continued: false,
    }
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

async fn append(state: &State, lines: impl IntoIterator<Item = String>) {
    for text in lines {
        state.logs().append(&hello(), vec![line(text)]).await.unwrap();
    }
    state.logs().flush().await.unwrap();
}

fn segments(directory: &tempfile::TempDir) -> Vec<std::path::PathBuf> {
    let entries = fs_err::read_dir(directory.path().join("logs/default/hello")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn the_last_lines_come_back_in_order_across_segments() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory, small());
    assert!(state.logs().tail(&hello(), 10).await.unwrap().is_empty());
    append(&state, (0..150).map(|number| number.to_string())).await;
    assert!(segments(&directory).len() > 1);
    let tail = state.logs().tail(&hello(), 120).await.unwrap();
    assert_eq!(
        texts(&tail),
        (30..150).map(|number| number.to_string()).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn segments_stay_within_their_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory, small());
    append(&state, (0..2000).map(|number| number.to_string())).await;
    let sizes: Vec<_> = segments(&directory)
        .iter()
        .map(|path| fs_err::metadata(path).unwrap().len())
        .collect();
    assert!(
        sizes.iter().all(|size| *size <= 1000) && sizes.iter().sum::<u64>() <= 4000,
        "{sizes:?}"
    );
    let tail = state.logs().tail(&hello(), 100_000).await.unwrap();
    assert!(tail.len() > 100 && texts(&tail).last() == Some(&"1999"));
}

#[tokio::test]
async fn a_long_line_is_kept_in_pieces_that_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory, small());
    let long = "é".repeat(100);
    append(&state, [long.clone(), "short".to_owned()]).await;
    let tail = state.logs().tail(&hello(), 100).await.unwrap();
    let continued: Vec<_> = tail.iter().map(|line| line.continued).collect();
    assert_eq!(continued, [true, true, true, false, false]);
    assert_eq!(texts(&tail[..4]).concat(), long);
}

#[tokio::test]
async fn a_follower_gets_every_line_once_and_ends_when_the_log_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(
        &directory,
        LogLimits {
            function: ByteSize::mebibytes(1),
            ..small()
        },
    );
    append(&state, (0..50).map(|number| number.to_string())).await;
    let (before, mut follower) = state.logs().follow(&hello(), 10).await.unwrap();
    let mut seen: Vec<String> = before.into_iter().map(|line| line.text).collect();
    let writing = append(&state, (50..500).map(|number| number.to_string()));
    let reading = async {
        while seen.last().map(String::as_str) != Some("499") {
            seen.extend(
                follower
                    .next()
                    .await
                    .unwrap()
                    .unwrap()
                    .into_iter()
                    .map(|line| line.text),
            );
        }
    };
    tokio::join!(writing, reading);
    assert_eq!(
        seen,
        (40..500).map(|number| number.to_string()).collect::<Vec<_>>()
    );

    let function = hello();
    let (removed, end) = tokio::join!(state.logs().remove(&function), follower.next());
    removed.unwrap();
    assert_eq!(end.unwrap(), None);
    assert!(state.logs().tail(&hello(), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_follows_a_function_that_has_printed_nothing_gets_its_first_line() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory, small());
    let (before, mut follower) = state.logs().follow(&hello(), 10).await.unwrap();
    assert!(before.is_empty());
    let ((), next) = tokio::join!(append(&state, ["first".to_owned()]), follower.next());
    assert_eq!(texts(&next.unwrap().unwrap()), ["first"]);
}

#[tokio::test]
async fn a_follower_that_is_too_slow_goes_on_with_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory, small());
    append(&state, ["first".to_owned()]).await;
    let (_, mut follower) = state.logs().follow(&hello(), 10).await.unwrap();
    append(&state, (0..2000).map(|number| number.to_string())).await;
    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("1999") {
        seen.extend(
            follower
                .next()
                .await
                .unwrap()
                .unwrap()
                .into_iter()
                .map(|line| line.text),
        );
    }
    let numbers: Vec<u32> = seen.iter().map(|text| text.parse().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers[0] > 0 && numbers.len() > 100);
}

#[tokio::test]
async fn a_torn_last_record_is_skipped_and_then_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory, small());
    append(&state, ["whole".to_owned()]).await;
    drop(state);
    let path = segments(&directory).remove(0);
    let mut bytes = fs_err::read(&path).unwrap();
    bytes.extend_from_slice(b"1 o 1 i to");
    fs_err::write(&path, bytes).unwrap();

    let state = open(&directory, small());
    let (before, mut follower) = state.logs().follow(&hello(), 10).await.unwrap();
    assert_eq!(texts(&before), ["whole"]);
    append(&state, ["next".to_owned()]).await;
    assert_eq!(texts(&follower.next().await.unwrap().unwrap()), ["next"]);
    assert_eq!(
        texts(&state.logs().tail(&hello(), 10).await.unwrap()),
        ["whole", "next"]
    );
}

#[tokio::test]
async fn a_record_that_makes_no_sense_is_skipped_alone() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory, small());
    append(&state, ["one".to_owned(), "two".to_owned()]).await;
    drop(state);
    let path = segments(&directory).remove(0);
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, text.replace("\n1 o 1 i two", "\n\0\0\0\n1 o 1 i two")).unwrap();
    let state = open(&directory, small());
    assert_eq!(
        texts(&state.logs().tail(&hello(), 10).await.unwrap()),
        ["one", "two"]
    );
}
