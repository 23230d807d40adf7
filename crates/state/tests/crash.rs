//! A writer that is killed at many points loses nothing that it was told is stored.
//!
//! This program is its own child: with `write DIRECTORY` it stores revisions and lines for ever, and says each number
//! on its standard output once both are stored.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use coracle_spec::{ByteSize, Digest, FunctionId, RevisionConfig};
use coracle_state::{Line, LogLimits, NewRevision, State, Stream};

const KILLS: usize = 30;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    match arguments.as_slice() {
        [_, verb, directory] if verb == "write" => runtime.block_on(write_for_ever(Path::new(directory))),
        _ => runtime.block_on(kill_often()),
    }
}

fn hello() -> FunctionId {
    "hello".parse().unwrap()
}

fn limits() -> LogLimits {
    LogLimits {
        segment: ByteSize(2000),
        ..LogLimits::default()
    }
}

async fn write_for_ever(directory: &Path) {
    let state = State::open(directory, limits()).unwrap();
    loop {
        let number = store_one(&state).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{number}").unwrap();
        out.flush().unwrap();
    }
}

async fn store_one(state: &State) -> u64 {
    let new = NewRevision {
        function: hello(),
        image: Digest::of("image"),
        reference: None,
        config: RevisionConfig::default(),
        author: None,
    };
    let number = state.begin_revision(new).await.unwrap().number;
    state.activate_revision(&hello(), number).await.unwrap();
    let line = Line {
        at_ms: 1,
        revision: number,
        instance: "i".to_owned(),
        stream: Stream::Stdout,
        text: "x".repeat(100),
        continued: false,
    };
    state.logs().append(&hello(), vec![line]).await.unwrap();
    state.logs().flush().await.unwrap();
    number
}

async fn kill_often() {
    let directory = tempfile::tempdir().unwrap();
    let mut stored = 0;
    for kill in 0..KILLS {
        stored = write_and_kill(directory.path(), kill % 7).max(stored);
        check(directory.path(), stored).await;
    }
    assert!(stored > KILLS as u64);
}

/// Lets a child store until it has said so `more` times more than once. Answers the last number that it said.
fn write_and_kill(directory: &Path, more: usize) -> u64 {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .arg("write")
        .arg(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<u64> = said
        .take(more + 1)
        .map(|line| line.unwrap().parse().unwrap())
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    *said.last().unwrap()
}

async fn check(directory: &Path, stored: u64) {
    let state = State::open(directory, limits()).unwrap();
    let revisions = state.revisions(&hello()).await.unwrap();
    let count = revisions.len() as u64;
    assert!(count >= stored, "{count} of {stored} revisions are left");
    assert!(
        revisions
            .iter()
            .rev()
            .map(|revision| revision.number)
            .eq(1..=count)
    );
    let current = state.function(&hello()).await.unwrap().unwrap().current.number;
    assert!(current >= stored && current <= count);

    let lines = state.logs().tail(&hello(), usize::MAX).await.unwrap();
    assert!(lines.iter().all(|line| line.text.len() == 100));
    let logged: Vec<u64> = lines.iter().map(|line| line.revision).collect();
    assert!(logged.is_sorted() && *logged.last().unwrap() >= stored);
    store_one(&state).await;
}
