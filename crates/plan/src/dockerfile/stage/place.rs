//! `COPY` and `ADD`.

mod mode;

use coracle_dockerfile::instruction::{Add, Copy, Transfer};
use coracle_dockerfile::word::{Quotes, Rules, expand};

use super::super::error::Wrong;
use super::super::graph::Command;
use super::super::path;
use super::Stage;
use crate::op::{Op, Origin, Place, Placed};
use crate::patterns::clean;

/// A name that no file has: only what leaves everything out leaves it out.
const NOBODY: &str = "\0\0";

/// What `COPY` and `ADD` do not have in common.
struct Options {
    from: Origin,
    add: bool,
    parents: bool,
    unpack: Option<bool>,
    checksum: Option<String>,
}

/// A transfer whose variables have values.
struct Values {
    sources: Vec<String>,
    destination: String,
    owner: Option<String>,
    mode: Option<String>,
}

impl Stage<'_, '_> {
    pub(super) fn copy(&mut self, copy: &Copy, command: &Command) -> Result<(), Wrong> {
        let source = command.sources.first().and_then(Option::as_ref);
        let options = Options {
            from: self.origin(source, command.lines)?,
            add: false,
            parents: copy.parents,
            unpack: None,
            checksum: None,
        };
        self.place(&copy.transfer, &options, command)
    }

    pub(super) fn add(&mut self, add: &Add, command: &Command) -> Result<(), Wrong> {
        let checksum = add.checksum.as_deref().filter(|text| !text.is_empty());
        let options = Options {
            from: Origin::Context,
            add: true,
            parents: false,
            unpack: add.unpack,
            checksum: checksum.map(|text| self.value(text, command)).transpose()?,
        };
        self.place(&add.transfer, &options, command)
    }

    fn place(&mut self, transfer: &Transfer, options: &Options, command: &Command) -> Result<(), Wrong> {
        let values = self.values(transfer, command)?;
        check(&values, options)?;
        let note = note(transfer, &values, options);
        let mut what = Vec::new();
        for source in &values.sources {
            self.warn_of_ignored(source, options, command);
            what.push(placed(source, options)?);
        }
        for inline in &transfer.inline {
            what.push(Placed::Text {
                name: inline.name.clone(),
                contents: if inline.expands {
                    self.document(&inline.contents, command)?
                } else {
                    inline.contents.clone()
                },
            });
        }
        let is_apart = transfer.link && values.mode.is_none();
        let place = Place {
            root: if is_apart {
                Vec::new()
            } else {
                self.state.layers.clone()
            },
            many: what.len() > 1,
            what,
            to: path::destination(self.state.workdir(), &values.destination),
            owner: values.owner,
            mode: values.mode,
            parents: options.parents,
            exclude: transfer.exclude.clone(),
            unpack: options.unpack,
            add: options.add,
        };
        self.step(command, Op::Place(place))?;
        self.noted(note, true)?;
        Ok(())
    }

    fn values(&mut self, transfer: &Transfer, command: &Command) -> Result<Values, Wrong> {
        let mut optional = |text: &Option<String>| {
            let value = text
                .as_deref()
                .map(|text| self.value(text, command))
                .transpose()?;
            Ok::<_, Wrong>(value.filter(|value| !value.is_empty()))
        };
        let (owner, mode) = (optional(&transfer.chown)?, optional(&transfer.chmod)?);
        let mut sources = Vec::new();
        for source in &transfer.sources {
            sources.push(self.value(source, command)?);
        }
        Ok(Values {
            sources,
            destination: self.value(&transfer.destination, command)?,
            owner,
            mode,
        })
    }

    /// Replaces variables in the contents of a file. Quotes are nothing special there, and the escape is always the same.
    fn document(&mut self, contents: &str, command: &Command) -> Result<String, Wrong> {
        let rules = Rules {
            escape: '\\',
            quotes: Quotes::Ordinary,
            keeps_escapes: false,
            keeps_unset: false,
        };
        let value = |name: &str| self.state.variables.get(name).cloned();
        let expanded = expand(contents, rules, &value)?;
        for name in &expanded.unset {
            self.undefined(name, command.lines);
        }
        Ok(expanded.text)
    }
}

/// Refuses what cannot be put anywhere.
fn check(values: &Values, options: &Options) -> Result<(), Wrong> {
    if let Some(mode) = &values.mode
        && !mode::is_mode(mode)
    {
        return Err(Wrong::new(format!("`{mode}` is no value for `--chmod`"))
            .hint("expected bits such as `755`, or changes such as `u=rwX,go=rX`"));
    }
    if options.checksum.is_some() {
        let [source] = values.sources.as_slice() else {
            return Err(Wrong::new("a checksum is for one source, not for several"));
        };
        if !is_remote(source) {
            return Err(Wrong::new("a checksum is for a source of a web server"));
        }
    }
    Ok(())
}

fn placed(source: &str, options: &Options) -> Result<Placed, Wrong> {
    if is_repository(source) {
        let wrong = Wrong::new(format!(
            "`{source}` is a git repository, and those are not supported yet"
        ));
        return Err(wrong.hint(
            "fetch it in a RUN, or add an archive of it: `ADD --unpack https://…/archive.tar.gz /src`",
        ));
    }
    if !is_remote(source) {
        return Ok(Placed::Files {
            from: options.from.clone(),
            pattern: source.to_owned(),
        });
    }
    if !options.add {
        return Err(Wrong::new(format!("COPY does not take the address `{source}`")).hint("use ADD"));
    }
    if let Some(checksum) = &options.checksum
        && checksum.parse::<coracle_spec::Digest>().is_err()
    {
        return Err(Wrong::new(format!("`{checksum}` is no checksum"))
            .hint("expected `sha256:` and 64 hexadecimal digits"));
    }
    Ok(Placed::Remote {
        url: source.to_owned(),
        checksum: options.checksum.clone(),
    })
}

fn is_remote(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// Answers whether an address is a git repository's, by its scheme or because its path ends with `.git`.
fn is_repository(source: &str) -> bool {
    if ["git://", "ssh://", "git@"]
        .iter()
        .any(|start| source.starts_with(start))
    {
        return true;
    }
    let path = source.split(['#', '?']).next().unwrap_or_default();
    is_remote(source) && path.strip_suffix(".git").is_some()
}

/// Answers what the image's history says.
fn note(transfer: &Transfer, values: &Values, options: &Options) -> String {
    let mut words = vec![if options.add { "ADD" } else { "COPY" }.to_owned()];
    words.extend(options.parents.then(|| "--parents".to_owned()));
    words.extend(values.owner.iter().map(|owner| format!("--chown={owner}")));
    words.extend(values.mode.iter().map(|mode| format!("--chmod={mode}")));
    words.extend(values.sources.iter().cloned());
    words.extend(transfer.inline.iter().map(|inline| format!("<<{}", inline.name)));
    words.push(values.destination.clone());
    words.join(" ") + " # buildkit"
}

impl Stage<'_, '_> {
    /// Notes that the ignore file leaves a source out, when that is certain: no line of it takes something back.
    fn warn_of_ignored(&mut self, source: &str, options: &Options, command: &Command) {
        let (Some(ignore), Origin::Context) = (self.shared.input.ignore, &options.from) else {
            return;
        };
        let cleaned = clean(source);
        let is_top = matches!(cleaned.as_str(), "." | "/");
        let looked_up = if is_top { NOBODY } else { &cleaned };
        if is_remote(source) || ignore.have_exceptions() || !ignore.matches(looked_up) {
            return;
        }
        let message = format!("`{source}` is left out by the ignore file");
        self.shared
            .checks
            .report("CopyIgnoredFile", command.lines, message);
    }
}
