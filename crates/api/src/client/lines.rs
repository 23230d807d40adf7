//! Values that arrive one a line: of a log, of a build.

use std::marker::PhantomData;

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::{Body, ClientError};
use crate::types::{BuildEvent, ContextBuildEvent, LogLine};

/// The longest line: the server cuts an instance's lines well below this.
const LONGEST: usize = 4 << 20;

/// The lines of a log; ends when the server has no more, or never when following.
pub type LogLines = JsonLines<LogLine>;

/// What happens in a build, as it happens. Dropping it ends the build.
pub type BuildEvents = JsonLines<BuildEvent>;

/// What happens in a build of the Function Builder API. Dropping it ends the build.
pub type ContextBuildEvents = JsonLines<ContextBuildEvent>;

/// Values that arrive one a line.
#[derive(Debug)]
pub struct JsonLines<T> {
    body: Body,
    pending: BytesMut,
    values: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> JsonLines<T> {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            pending: BytesMut::new(),
            values: PhantomData,
        }
    }

    /// Waits for the next value. `None` is the end. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line = self.pending.split_to(end);
                self.pending.advance(1);
                return serde_json::from_slice(&line)
                    .map(Some)
                    .map_err(ClientError::Decode);
            }
            if self.pending.len() > LONGEST {
                return Err(ClientError::Answer("a line of the answer has no end".into()));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.map_err(ClientError::from)?.into_data() {
                        self.pending.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}
