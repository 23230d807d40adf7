//! Runs of the program to its end.

use std::process::Output;

use crate::machine::Machine;

/// Runs the program to its end.
pub(crate) trait Runs {
    /// Runs it.
    fn run(&self, arguments: &[&str]) -> Output;

    /// Runs it; it must succeed. Answers what it printed on stdout.
    fn succeed(&self, arguments: &[&str]) -> String;

    /// Runs it; it must fail with this exit code. Answers what it printed on stderr.
    fn fail(&self, code: i32, arguments: &[&str]) -> String;
}

impl Runs for Machine {
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {talk}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {talk}");
        talk
    }
}
