//! How the client tells the keeper what to do at its start: two arguments, and a connection as standard input.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The arguments after the hidden verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// A private directory for the socket.
    pub(crate) run_directory: PathBuf,
    /// How long sandboxes outlive their last client.
    pub(crate) lease: Duration,
}

impl Options {
    /// Reads `RUN-DIRECTORY LEASE-MILLISECONDS`.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        let run_directory = PathBuf::from(arguments.next()?);
        let lease = Duration::from_millis(arguments.next()?.to_str()?.parse().ok()?);
        arguments
            .next()
            .is_none()
            .then_some(Self { run_directory, lease })
    }

    /// Answers the path of the socket on which later clients find the keeper.
    pub(crate) fn socket(&self) -> PathBuf {
        self.run_directory.join("keeper.sock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_a_lease_are_read_and_nothing_else() {
        let parse = |texts: &[&str]| Options::parse(texts.iter().map(OsString::from));
        let options = parse(&["/run/x", "30000"]).unwrap();
        assert_eq!(options.lease, Duration::from_secs(30));
        assert_eq!(options.socket(), PathBuf::from("/run/x/keeper.sock"));
        for bad in [&[][..], &["/run/x"], &["/run/x", "soon"], &["/run/x", "1", "2"]] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
