//! How a failed verb is reported: `error:`, `caused by:`, `hint:`, and the exit code of its class.

use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;

use coracle_api::ClientError;
use coracle_spec::{Class, Failure};

use crate::printer::{OutputError, Paint};

/// Any failure. Made from each error that knows its class, so that none is without.
pub(crate) struct Error(Box<dyn Failure>);

impl<F: Failure> From<F> for Error {
    fn from(failure: F) -> Self {
        Self(Box::new(failure))
    }
}

impl Error {
    /// Answers the exit code of the failure's class.
    ///
    /// A reader that closed our stdout got what it wanted: that is no failure.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.is_closed_output() {
            return ExitCode::SUCCESS;
        }
        ExitCode::from(self.0.class().exit_code())
    }

    /// Answers what to print about the failure; nothing when a reader just closed our stdout.
    pub(crate) fn report(&self, paint: Paint) -> Option<Report<'_>> {
        (!self.is_closed_output()).then_some(Report {
            failure: &*self.0,
            paint,
        })
    }

    /// Answers the failure as what it was made from, if it was made from that.
    pub(crate) fn downcast_ref<F: Failure>(&self) -> Option<&F> {
        let error: &(dyn StdError + 'static) = &*self.0;
        error.downcast_ref()
    }

    /// Answers what failed, without why.
    pub(crate) fn summary(&self) -> String {
        self.0.to_string()
    }

    fn is_closed_output(&self) -> bool {
        self.downcast_ref().is_some_and(OutputError::is_closed)
    }
}

/// A failure as it is printed.
pub(crate) struct Report<'a> {
    failure: &'a dyn Failure,
    paint: Paint,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.paint.bad("error:"), self.failure)?;
        for cause in causes(self.failure) {
            write!(f, "\n  {} {}", self.paint.bad("caused by:"), indented(&cause))?;
        }
        if let Some(hint) = self.failure.hint() {
            write!(f, "\n  {} {hint}", self.paint.accent("hint:"))?;
        }
        if self.failure.class() == Class::Internal {
            write!(
                f,
                "\n  {} this is a defect of coracle or of this machine, not of your input",
                self.paint.accent("note:")
            )?;
        }
        Ok(())
    }
}

/// Answers a text whose second and later lines stand beneath its first.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

/// Answers the causes from the nearest to the root; those of a server's error come over the wire.
fn causes(failure: &dyn Failure) -> Vec<String> {
    let failure: &(dyn StdError + 'static) = failure;
    if let Some(ClientError::Problem(problem)) = failure.downcast_ref() {
        return problem.causes.clone();
    }
    let mut causes: Vec<String> = Vec::new();
    let mut next = failure.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use std::io;

    use coracle_api::types::Problem;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the boat house")]
    struct Closed(#[source] io::Error);

    impl Failure for Closed {
        fn class(&self) -> Class {
            Class::Unavailable
        }

        fn hint(&self) -> Option<String> {
            Some("come back at nine".to_owned())
        }
    }

    fn rendered(error: impl Into<Error>) -> String {
        let error: Error = error.into();
        error
            .report(Paint::PLAIN)
            .map(|report| report.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn an_error_reads_from_what_failed_over_why_to_what_to_do() {
        insta::assert_snapshot!(rendered(Closed(io::Error::other("the lock is rusty\nand the key is bent\n"))), @r"
        error: cannot open the boat house
          caused by: the lock is rusty
            and the key is bent
          hint: come back at nine
        ");
    }

    #[test]
    fn an_error_of_the_server_reads_like_one_of_our_own() {
        let problem = Problem {
            class: "not_found".to_owned(),
            message: "there is no function `boat`".to_owned(),
            hint: None,
            causes: vec!["it sank".to_owned()],
            request_id: String::new(),
        };
        insta::assert_snapshot!(rendered(ClientError::Problem(Box::new(problem))), @r"
        error: there is no function `boat`
          caused by: it sank
        ");
    }

    #[test]
    fn a_reader_that_closed_our_stdout_hears_nothing_and_it_is_no_failure() {
        let closed = OutputError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(rendered(closed), "");
        let full = OutputError::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_ne!(rendered(full), "");
    }
}
