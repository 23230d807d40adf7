//! What serves each kind of application, with all that it depends on, pinned: nothing to resolve, and the same layer
//! for everybody who declares no dependencies of their own.

use super::application::{Application, Kind};
use super::name;

/// The Functions Framework with all that it depends on, each with its hashes. Gunicorn and uvicorn are among that.
const PINS: &str = include_str!("framework.txt");

/// A package that applications are served with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name.
    pub(super) name: &'static str,
    /// What it depends on, of all that the Functions Framework does; nothing means all.
    needs: Option<&'static [&'static str]>,
}

const FRAMEWORK: Server = Server {
    name: "functions-framework",
    needs: None,
};
const GUNICORN: Server = Server {
    name: "gunicorn",
    needs: Some(&["packaging"]),
};
const UVICORN: Server = Server {
    name: "uvicorn",
    needs: Some(&["click", "h11"]),
};

impl Server {
    /// Answers what serves an application; nothing when it serves by itself.
    pub(super) fn of(application: &Application) -> Option<Self> {
        match application.kind {
            Kind::Handler { .. } => Some(FRAMEWORK),
            Kind::Wsgi(_) => Some(GUNICORN),
            Kind::Asgi(_) => Some(UVICORN),
            Kind::Program | Kind::Command => None,
        }
    }

    /// Answers the requirement that names its exact version.
    pub(super) fn requirement(self) -> String {
        let pin = blocks().find(|block| name::of_requirement(block).as_deref() == Some(self.name));
        let words = pin.and_then(|block| block.split_whitespace().next());
        words.unwrap_or(self.name).to_owned()
    }

    /// Answers the requirements of it and of all that it depends on, with their hashes, without what is there already.
    pub(super) fn closure(self, is_there: impl Fn(&str) -> bool) -> String {
        let wanted = |block: &&str| {
            let name = name::of_requirement(block).unwrap_or_default();
            let is_needed = |needs: &[&str]| name == self.name || needs.contains(&name.as_str());
            self.needs.is_none_or(is_needed) && !is_there(&name)
        };
        blocks()
            .filter(wanted)
            .map(|block| block.to_owned() + "\n")
            .collect()
    }
}

/// Answers the pins, one package with its hashes each.
fn blocks() -> impl Iterator<Item = &'static str> {
    let starts = PINS
        .match_indices('\n')
        .filter(|(at, _)| !PINS[at + 1..].starts_with([' ', '\n']))
        .map(|(at, _)| at + 1);
    let ends: Vec<usize> = starts.collect();
    let mut start = 0;
    ends.into_iter().map(move |end| {
        let block = PINS[start..end].trim_end();
        start = end;
        block
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serves_is_pinned_with_all_that_it_depends_on() {
        assert_eq!(blocks().count(), 20);
        for server in [FRAMEWORK, GUNICORN, UVICORN] {
            assert!(server.requirement().starts_with(&format!("{}==", server.name)));
            for needed in server.needs.unwrap_or_default() {
                assert!(
                    server.closure(|_| false).contains(&format!("{needed}==")),
                    "{needed}"
                );
            }
        }
        let closure = UVICORN.closure(|name| name == "click");
        assert_eq!(closure.matches("==").count(), 2, "{closure}");
        assert_eq!(FRAMEWORK.closure(|_| false).matches("==").count(), 20);
        assert!(blocks().all(|block| block.contains("--hash=sha256:")));
    }
}
