//! Flags of instructions, taken by name; what is left over is unknown.

use coracle_spec::nearest;

use crate::error::Problem;

/// The flags of one instruction.
#[derive(Debug)]
pub(super) struct Options {
    /// Name and value, in their order.
    flags: Vec<(String, Option<String>)>,
    /// The names that were asked for.
    known: Vec<&'static str>,
}

impl Options {
    /// Takes flags as they are written: `--chown=0:0`, `--link`.
    pub(super) fn new(flags: &[String]) -> Self {
        let split = |flag: &String| {
            let flag = flag.trim_start_matches("--");
            match flag.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (flag.to_owned(), None),
            }
        };
        Self {
            flags: flags.iter().map(split).collect(),
            known: Vec::new(),
        }
    }

    /// Takes a flag that may be there once.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let mut values = self.texts(name)?;
        if values.len() > 1 {
            return Err(duplicate(name));
        }
        Ok(values.pop())
    }

    /// Takes a flag that may be there several times.
    pub(super) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, Problem> {
        let values = self.take(name).into_iter();
        values.map(|value| value.ok_or_else(|| missing(name))).collect()
    }

    /// Takes a flag that is a yes or a no; alone it is a yes.
    pub(super) fn truth(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
        let values = self.take(name);
        if values.len() > 1 {
            return Err(duplicate(name));
        }
        let truth = |value: Option<String>| match value.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some("") => Err(missing(name)),
            Some(other) => Err(Problem::new(format!(
                "`--{name}` is `true` or `false`, not `{other}`"
            ))),
        };
        values.into_iter().next().map(truth).transpose()
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.flags.first() else {
            return Ok(());
        };
        let problem = Problem::new(format!("unknown flag `--{name}`"));
        Err(if self.known.is_empty() {
            problem.with_hint("the instruction takes no flags")
        } else if let Some(near) = nearest(name, self.known.iter().copied()) {
            problem.with_hint(format!("did you mean `--{near}`?"))
        } else {
            let known: Vec<_> = self.known.iter().map(|name| format!("`--{name}`")).collect();
            problem.with_hint(format!("the instruction takes {}", known.join(", ")))
        })
    }

    fn take(&mut self, name: &'static str) -> Vec<Option<String>> {
        self.known.push(name);
        let (taken, rest) = std::mem::take(&mut self.flags)
            .into_iter()
            .partition::<Vec<_>, _>(|(flag, _)| flag == name);
        self.flags = rest;
        taken.into_iter().map(|(_, value)| value).collect()
    }
}

fn missing(name: &str) -> Problem {
    Problem::new(format!("`--{name}` has no value")).with_hint(format!("write `--{name}=VALUE`"))
}

fn duplicate(name: &str) -> Problem {
    Problem::new(format!("`--{name}` is there twice"))
}
