use std::sync::Mutex;

use super::*;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, event: Event<'_>) {
        let said = match event {
            Event::Started { step, name } => format!("{step} starts: {name}"),
            Event::Line { step, text } => format!("{step} says {text}"),
            Event::Finished {
                step,
                cached,
                duration,
            } => {
                format!("{step} is done: {cached}, {} ms", duration.as_millis())
            }
            Event::Failed { step, .. } => format!("{step} fails"),
            Event::Warning { text } => format!("warning: {text}"),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(said);
    }
}

fn at(millis: i32) -> Timestamp {
    Timestamp {
        seconds: i64::from(millis / 1000),
        nanos: millis % 1000 * 1_000_000,
    }
}

fn vertex(digest: &str, completed: Option<Timestamp>, error: &str) -> Vertex {
    Vertex {
        digest: digest.to_owned(),
        name: format!("step {digest}"),
        started: Some(at(100)),
        completed,
        error: error.to_owned(),
        ..Vertex::default()
    }
}

fn log(digest: &str, text: &str) -> VertexLog {
    VertexLog {
        vertex: digest.to_owned(),
        msg: text.into(),
        ..VertexLog::default()
    }
}

fn heard(told: &[StatusResponse]) -> (Board, Vec<String>) {
    let observer = Arc::new(Heard::default());
    let mut board = Board::new(Arc::clone(&observer) as Arc<dyn Observer>);
    for told in told {
        board.take(told);
    }
    let said = observer.0.lock().unwrap().clone();
    (board, said)
}

#[test]
fn steps_begin_print_whole_lines_and_end_once() {
    let (board, said) = heard(&[
        StatusResponse {
            vertexes: vec![vertex("a", None, "")],
            logs: vec![log("a", "one\ntw")],
            ..StatusResponse::default()
        },
        StatusResponse {
            vertexes: vec![vertex("a", Some(at(1600)), ""), vertex("a", Some(at(1600)), "")],
            logs: vec![log("a", "o\nthree"), log("unknown", "nothing\n")],
            ..StatusResponse::default()
        },
    ]);
    assert_eq!(
        said,
        [
            "1 starts: step a",
            "1 says one",
            "1 says two",
            "1 says three",
            "1 is done: false, 1500 ms"
        ]
    );
    assert_eq!(board.report()[0].duration, Duration::from_millis(1500));
    assert!(board.log().is_none());
}

#[test]
fn what_a_step_that_fails_printed_is_kept_and_warnings_are_told_once() {
    let warning = VertexWarning {
        short: b"an old form".to_vec(),
        ..VertexWarning::default()
    };
    let (board, said) = heard(&[StatusResponse {
        vertexes: vec![vertex("a", Some(at(200)), "exit code: 1")],
        logs: vec![log("a", "no such file\n")],
        warnings: vec![warning.clone(), warning],
        ..StatusResponse::default()
    }]);
    assert_eq!(board.log().unwrap().to_string(), "no such file\n");
    assert!(board.report().is_empty());
    assert_eq!(said.last().unwrap(), "1 fails");
    assert_eq!(said.iter().filter(|said| said.starts_with("warning")).count(), 1);
}

#[test]
fn a_line_without_an_end_is_told_in_pieces() {
    let (_, said) = heard(&[StatusResponse {
        vertexes: vec![vertex("a", None, "")],
        logs: (0..3).map(|_| log("a", &"x".repeat(LONGEST))).collect(),
        ..StatusResponse::default()
    }]);
    assert_eq!(said.len(), 4);
}
