//! Source folders that tests make.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A server of Python's standard library: nothing to install, so it builds in a moment.
///
/// `/env/NAME` answers a variable, `/file/PATH` a file, `/status/CODE` that status; anything else greets. Each request is
/// printed.
pub(crate) const SERVER: &str = r#"
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        print(f"asked for {self.path}", flush=True)
        what, _, rest = self.path.lstrip("/").partition("/")
        status, answer = 200, "ahoy"
        if what == "env":
            answer = os.environ.get(rest, "not set")
        elif what == "file":
            answer = open("/" + rest).read()
        elif what == "status":
            status, answer = int(rest), f"status {rest}"
        body = answer.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A source folder of its own.
pub(crate) struct Project {
    root: TempDir,
}

impl Project {
    /// Makes a folder with these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let project = Self { root };
        fs_err::create_dir(project.path()).unwrap();
        for (name, contents) in files {
            project.write(name, contents);
        }
        project
    }

    /// Makes a folder with [`SERVER`].
    pub(crate) fn server() -> Self {
        Self::of(&[("server.py", SERVER)])
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, contents: &str) {
        fs_err::write(self.path().join(name), contents).unwrap();
    }

    /// Answers where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// Answers where it is, as an argument.
    pub(crate) fn dir(&self) -> String {
        text(&self.path())
    }

    /// Answers a path beside the folder.
    pub(crate) fn beside(&self, name: &str) -> String {
        text(&self.root.path().join(name))
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
