//! The thread that writes logs.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use coracle_spec::FunctionId;
use tokio::sync::{mpsc, oneshot};

use super::line::Line;
use super::segment::{self, Position};
use super::shared::Shared;
use super::{LogError, LogLimits};

/// Batches of lines that may wait for the thread; who has more waits.
const QUEUE: usize = 256;

/// Logs that are kept open at once.
const OPEN: usize = 128;

enum Command {
    Append(FunctionId, Vec<Line>),
    Remove(FunctionId, oneshot::Sender<io::Result<()>>),
    Flush(oneshot::Sender<io::Result<()>>),
}

/// The thread that writes logs. Dropping it waits until everything that was handed over is written.
pub(super) struct Writer {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>, limits: LogLimits) -> io::Result<Self> {
        let (sender, commands) = mpsc::channel(QUEUE);
        let hand = Hand {
            shared,
            limits,
            open: HashMap::new(),
        };
        let run = move || hand.obey(commands);
        let thread = std::thread::Builder::new().name("logs".to_owned()).spawn(run)?;
        Ok(Self {
            commands: Some(sender),
            thread: Some(thread),
        })
    }

    pub(super) async fn append(&self, function: FunctionId, lines: Vec<Line>) -> Result<(), LogError> {
        self.send(Command::Append(function, lines)).await
    }

    pub(super) async fn remove(&self, function: FunctionId) -> Result<(), LogError> {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Remove(function, sender)).await?;
        Ok(answer.await.map_err(|_| LogError::Closed)??)
    }

    pub(super) async fn flush(&self) -> Result<(), LogError> {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Flush(sender)).await?;
        Ok(answer.await.map_err(|_| LogError::Closed)??)
    }

    async fn send(&self, command: Command) -> Result<(), LogError> {
        let commands = self.commands.as_ref().ok_or(LogError::Closed)?;
        commands.send(command).await.map_err(|_| LogError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread has in its hand.
struct Hand {
    shared: Arc<Shared>,
    limits: LogLimits,
    open: HashMap<FunctionId, Open>,
}

impl Hand {
    fn obey(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.blocking_recv() {
            match command {
                Command::Append(function, lines) => self.append(&function, &lines),
                Command::Remove(function, answer) => drop(answer.send(self.remove(&function))),
                Command::Flush(answer) => drop(answer.send(Ok(()))),
            }
        }
    }

    fn append(&mut self, function: &FunctionId, lines: &[Line]) {
        if let Err(error) = self.try_append(function, lines) {
            tracing::warn!(%function, %error, lines = lines.len(), "lines of a log are lost");
            // Whatever was half written is cut off when it is opened again.
            self.open.remove(function);
        }
    }

    fn try_append(&mut self, function: &FunctionId, lines: &[Line]) -> io::Result<()> {
        let mut open = match self.open.remove(function) {
            Some(open) => open,
            None => Open::last(&self.shared.directory(function))?,
        };
        let mut records = Vec::with_capacity(lines.len());
        for line in lines {
            line.encode(
                usize::try_from(self.limits.line.bytes()).unwrap_or(usize::MAX),
                &mut records,
            );
        }
        open.write(&self.shared.directory(function), &records, &self.limits)?;
        self.shared.publish(function, open.end);
        if self.open.len() >= OPEN {
            self.open.clear();
        }
        self.open.insert(function.clone(), open);
        Ok(())
    }

    fn remove(&mut self, function: &FunctionId) -> io::Result<()> {
        self.open.remove(function);
        self.shared.forget(function);
        match fs_err::remove_dir_all(self.shared.directory(function)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// A segment that is written.
struct Open {
    file: fs_err::File,
    end: Position,
}

impl Open {
    /// Opens the last segment of a log, or its first, and cuts off a torn record.
    fn last(directory: &Path) -> io::Result<Self> {
        fs_err::create_dir_all(directory)?;
        let end = segment::end(directory)?;
        let end = Position {
            segment: end.segment.max(1),
            offset: end.offset,
        };
        let open = Self::at(directory, end)?;
        open.file.set_len(end.offset)?;
        Ok(open)
    }

    fn at(directory: &Path, end: Position) -> io::Result<Self> {
        let path = segment::path(directory, end.segment);
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, end })
    }

    fn write(&mut self, directory: &Path, records: &[String], limits: &LogLimits) -> io::Result<()> {
        let mut together = String::new();
        for record in records {
            let length = self.end.offset + (together.len() + record.len()) as u64;
            if length > limits.segment.bytes() {
                self.put(&std::mem::take(&mut together))?;
                self.rotate(directory, limits)?;
            }
            together.push_str(record);
        }
        self.put(&together)
    }

    fn put(&mut self, records: &str) -> io::Result<()> {
        self.file.write_all(records.as_bytes())?;
        self.end.offset += records.len() as u64;
        Ok(())
    }

    fn rotate(&mut self, directory: &Path, limits: &LogLimits) -> io::Result<()> {
        if self.end.offset > 0 {
            *self = Self::at(
                directory,
                Position {
                    segment: self.end.segment + 1,
                    offset: 0,
                },
            )?;
            remove_oldest(directory, limits)?;
        }
        Ok(())
    }
}

/// Removes the oldest segments until there is room for a new one within the bound.
fn remove_oldest(directory: &Path, limits: &LogLimits) -> io::Result<()> {
    let mut room = limits.function.bytes().saturating_sub(limits.segment.bytes());
    for number in segment::numbers(directory)?.into_iter().rev().skip(1) {
        let path = segment::path(directory, number);
        let size = fs_err::metadata(&path)?.len();
        if size > room {
            fs_err::remove_file(path)?;
        }
        room = room.saturating_sub(size);
    }
    Ok(())
}
