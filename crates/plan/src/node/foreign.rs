//! Packages for other processors than those that build: chosen for the image's, and none of their scripts runs.
//!
//! Most packages are JavaScript, and many that are not bring a build for each kind of processor, of which the manager
//! chooses. What compiles itself while it is installed cannot be had this way, and is an error that names it.

use super::OWN;
use super::manager::Manager;
use crate::context::Context;
use crate::op::Input;

/// Installs, then looks for packages that would have had to compile.
const PROGRAM: &str = include_str!("foreign.mjs");

/// Answers the words that tell an install what it is for. Yarn 1 cannot be told: it takes the builds for all
/// processors.
pub(super) fn words(context: Context<'_>, manager: Manager) -> Vec<String> {
    let cpu = format!("--cpu={}", context.target.arch.npm());
    let words: &[&str] = match manager {
        Manager::Npm | Manager::Pnpm => &["--os=linux", &cpu, "--libc=glibc", "--ignore-scripts"],
        Manager::Yarn => &["--ignore-platform", "--ignore-scripts"],
        Manager::Berry => &[],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Answers the settings that tell a later Yarn, which has no words for it.
pub(super) fn settings(context: Context<'_>, manager: Manager) -> Option<Input> {
    let cpu = context.target.arch.npm();
    (manager == Manager::Berry).then(|| Input::Text {
        contents: format!(
            "enableScripts: false\nsupportedArchitectures:\n  os: [linux]\n  cpu: [{cpu}]\n  libc: [glibc]\n"
        ),
        to: "/root/.yarnrc.yml".to_owned(),
    })
}

/// Answers the command that installs and then looks for what would have had to compile.
pub(super) fn checked(context: Context<'_>, command: Vec<String>, inputs: &mut Vec<Input>) -> Vec<String> {
    let program = format!("{OWN}/foreign.mjs");
    inputs.push(Input::Text {
        contents: PROGRAM.to_owned(),
        to: program.clone(),
    });
    let words = ["node".to_owned(), program, context.target.arch.npm().to_owned()];
    words.into_iter().chain(command).collect()
}
