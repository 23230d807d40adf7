//! Which files of all that a command wrote become its layer.

use std::path::{Path, PathBuf};

use coracle_plan::Run;
use globset::{Glob, GlobSet, GlobSetBuilder};

/// What of all that a command wrote becomes its layer.
pub(super) struct Kept {
    folders: Vec<(PathBuf, GlobSet)>,
}

impl Kept {
    pub(super) fn of(run: &Run) -> Result<Self, globset::Error> {
        let folder = |capture: &coracle_plan::Capture| {
            let mut globs = GlobSetBuilder::new();
            for pattern in &capture.exclude {
                globs.add(Glob::new(pattern)?);
            }
            Ok((
                PathBuf::from(capture.path.trim_start_matches('/')),
                globs.build()?,
            ))
        };
        Ok(Self {
            folders: run.capture.iter().map(folder).collect::<Result<_, _>>()?,
        })
    }

    /// Answers whether `path`, relative to the root, is captured or leads to what is.
    pub(super) fn keeps(&self, path: &Path) -> bool {
        self.folders
            .iter()
            .any(|(folder, excluded)| match path.strip_prefix(folder) {
                Ok(inside) => !excluded.is_match(inside),
                Err(_) => folder.starts_with(path),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coracle_plan::Capture;
    use coracle_spec::revision::Network;

    fn capturing(capture: Vec<Capture>) -> Run {
        Run {
            root: Vec::new(),
            command: Vec::new(),
            env: std::collections::BTreeMap::new(),
            workdir: "/".to_owned(),
            inputs: Vec::new(),
            caches: Vec::new(),
            network: Network::None,
            capture,
        }
    }

    #[test]
    fn what_is_captured_is_what_lies_in_the_folders_and_is_not_left_out() {
        let run = capturing(vec![
            Capture {
                path: "/opt/app".to_owned(),
                exclude: vec!["**/*.tmp".to_owned()],
            },
            Capture {
                path: "/srv".to_owned(),
                exclude: Vec::new(),
            },
        ]);
        let kept = Kept::of(&run).unwrap();
        for path in ["opt", "opt/app", "opt/app/a/b.py", "srv/x"] {
            assert!(kept.keeps(Path::new(path)), "{path}");
        }
        for path in ["tmp", "opt/other", "opt/app/a/b.tmp", "srv2"] {
            assert!(!kept.keeps(Path::new(path)), "{path}");
        }
    }
}
