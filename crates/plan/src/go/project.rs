//! The modules of a folder: the one, those of a workspace, or one somewhere beneath.

use super::detect::is_aside;
use super::mod_file::{MODULE, ModFile, Replace, WORKSPACE};
use crate::context::Context;
use crate::error::PlanError;

/// The modules of a folder.
#[derive(Debug)]
pub(super) struct Project {
    /// The workspace, when there is one.
    pub(super) workspace: Option<ModFile>,
    pub(super) modules: Vec<Module>,
}

/// A module.
#[derive(Debug)]
pub(super) struct Module {
    /// Its folder from the source's top; empty for the top itself.
    pub(super) folder: String,
    pub(super) file: ModFile,
}

impl Project {
    /// Finds the modules.
    pub(super) fn find(context: Context<'_>) -> Result<Self, PlanError> {
        let workspace = ModFile::read(context, WORKSPACE)?;
        let folders = match &workspace {
            Some(workspace) => used(workspace)?,
            None if context.source.contains(MODULE) => vec![String::new()],
            None => nested(context),
        };
        let mut modules = Vec::new();
        for folder in folders {
            let path = inside(&folder, MODULE);
            let file = ModFile::read(context, &path)?.ok_or_else(|| PlanError::Missing {
                path,
                named_by: format!("`{WORKSPACE}`"),
            })?;
            modules.push(Module { folder, file });
        }
        if modules.is_empty() {
            return Err(no_module());
        }
        Ok(Self { workspace, modules })
    }

    /// Answers the module that a folder belongs to.
    pub(super) fn module_of(&self, folder: &str) -> Result<&Module, PlanError> {
        let owners = self.modules.iter().filter(|module| is_in(folder, &module.folder));
        owners
            .max_by_key(|module| module.folder.len())
            .ok_or_else(no_module)
    }

    /// Answers whether the modules that a module needs are in the folder.
    pub(super) fn is_vendored(&self, context: Context<'_>, module: &Module) -> bool {
        let folder = if self.workspace.is_some() {
            ""
        } else {
            &module.folder
        };
        context.source.contains(&inside(folder, "vendor/modules.txt"))
    }

    /// Refuses what Go would refuse only once its toolchain is there, or what it cannot see in the sandbox.
    pub(super) fn check(&self, context: Context<'_>, folder: &str) -> Result<(), PlanError> {
        let module = self.module_of(folder)?;
        if self.is_vendored(context, module) {
            return Ok(());
        }
        let replaced = self.modules.iter().flat_map(|module| {
            let replaces = module.file.replaces.iter();
            replaces.map(|replace| (module.folder.as_str(), &module.file, replace))
        });
        let workspace = self.workspace.iter();
        let of_workspace =
            workspace.flat_map(|file| file.replaces.iter().map(move |replace| ("", file, replace)));
        for (folder, file, replace) in replaced.chain(of_workspace) {
            check_replaced(context, folder, file, replace)?;
        }
        match self.workspace {
            // Which versions are chosen depends on all its modules; Go checks what it downloads.
            Some(_) => Ok(()),
            None => check_sums(context, module),
        }
    }
}

fn used(workspace: &ModFile) -> Result<Vec<String>, PlanError> {
    let folders = workspace.uses.iter().map(|folder| {
        normalised("", folder).ok_or_else(|| PlanError::Dependencies {
            message: format!("`{WORKSPACE}` uses `{folder}`, which is not in this folder"),
            instead: "build from the folder that holds all modules of the workspace".to_owned(),
        })
    });
    folders.collect()
}

fn nested(context: Context<'_>) -> Vec<String> {
    let paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    let folders = paths
        .filter(|path| !is_aside(path))
        .filter_map(|path| path.strip_suffix("/go.mod"));
    folders.map(str::to_owned).collect()
}

fn no_module() -> PlanError {
    PlanError::Dependencies {
        message: format!("there is no `{MODULE}`, which a Go program needs"),
        instead: "make it: `go mod init example.com/my-function`, then `go mod tidy`".to_owned(),
    }
}

fn check_replaced(
    context: Context<'_>,
    from: &str,
    file: &ModFile,
    replace: &Replace,
) -> Result<(), PlanError> {
    let Some(written) = replace.folder() else {
        return Ok(());
    };
    let is_there =
        normalised(from, written).is_some_and(|folder| context.source.contains(&inside(&folder, MODULE)));
    if is_there {
        return Ok(());
    }
    Err(PlanError::Dependencies {
        message: format!(
            "`{}` line {} replaces `{}` by `{written}`, which is no module in this folder",
            file.file, replace.line, replace.module
        ),
        instead: "build from the folder that holds both modules, and name this one's in `build.entry`; or put a copy \
                  into this one: `go mod vendor`"
            .to_owned(),
    })
}

/// A tidy `go.sum` has a line for the `go.mod` of each required module.
fn check_sums(context: Context<'_>, module: &Module) -> Result<(), PlanError> {
    let path = inside(&module.folder, "go.sum");
    let sums = context.text(&path)?.unwrap_or_default();
    let lacks = |name: &str, version: &str| {
        let line = format!("{name} {version}/go.mod h1:");
        module.file.replaced(name).is_none() && !sums.lines().any(|text| text.starts_with(&line))
    };
    let missing = module
        .file
        .requires
        .iter()
        .find(|(name, version)| lacks(name, version));
    match missing {
        None => Ok(()),
        Some((name, version)) => Err(PlanError::Dependencies {
            message: format!(
                "`{path}` does not have `{name} {version}`, which `{}` requires",
                module.file.file
            ),
            instead: "bring it up to date: `go mod tidy`".to_owned(),
        }),
    }
}

/// Answers the path of a file in a folder of the source.
pub(super) fn inside(folder: &str, file: &str) -> String {
    if folder.is_empty() {
        file.to_owned()
    } else {
        format!("{folder}/{file}")
    }
}

/// Answers whether a path is a folder or in it; everything is in the top.
pub(super) fn is_in(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers the path from the source's top of what is written `path` in the folder `from`; nothing when it is outside.
pub(super) fn normalised(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with('/') {
        return None;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_paths_are_paths_from_the_top_or_outside() {
        for (from, path, normal) in [
            ("", "./a/", Some("a")),
            ("", ".", Some("")),
            ("a/b", "../c", Some("a/c")),
            ("a", "../..", None),
            ("a", "/etc", None),
        ] {
            assert_eq!(normalised(from, path).as_deref(), normal, "{from} {path}");
        }
        assert!(is_in("a/b", "a") && is_in("a", "a") && is_in("a", "") && !is_in("ab", "a"));
    }
}
