//! What is mounted while a command runs (Dockerfile reference, "RUN --mount").

use crate::error::Problem;

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What it is.
    pub kind: MountKind,
    /// The stage, image or context that it comes from.
    pub from: Option<String>,
    /// The path there.
    pub source: Option<String>,
    /// The path inside.
    pub target: Option<String>,
    /// Whether the command may only read it.
    pub read_only: bool,
    /// The most that it may hold, in bytes, of one in memory.
    pub size: Option<u64>,
    /// The name of a cache or a secret.
    pub id: Option<String>,
    /// Who may use a cache at the same time.
    pub sharing: Option<Sharing>,
    /// Whether a secret must be there.
    pub required: bool,
    /// The variable that holds a secret, beside or instead of a file.
    pub env: Option<String>,
    /// The permission bits.
    pub mode: Option<u32>,
    /// The owner.
    pub uid: Option<u32>,
    /// The group.
    pub gid: Option<u32>,
}

/// What a mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// Files of the context, a stage or an image.
    Bind,
    /// A folder that outlives the build.
    Cache,
    /// A folder in memory.
    Tmpfs,
    /// A file that no layer holds.
    Secret,
    /// An agent of SSH.
    Ssh,
}

/// Who may use a cache at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Any number of commands.
    Shared,
    /// One command; others get a cache of their own.
    Private,
    /// One command; others wait.
    Locked,
}

/// Checks what can be without the values of variables.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    for field in fields(text)? {
        if let Some((key, value)) = field.split_once('=')
            && key.eq_ignore_ascii_case("from")
            && value.trim_end_matches('$').contains('$')
        {
            return Err(Problem::new("`from` of a mount takes no variables")
                .with_hint("give the stage another name: `FROM $IMAGE AS name`, and `from=name`"));
        }
    }
    Ok(())
}

/// Answers the last `from` of a mount.
pub(super) fn origin(text: &str) -> Option<String> {
    let fields = fields(text).ok()?;
    fields.iter().rev().find_map(|field| match field.split_once('=') {
        Some((key, value)) if key.eq_ignore_ascii_case("from") => Some(value.to_owned()),
        _ => None,
    })
}

/// Reads `type=cache,target=/root/.cache`.
pub(super) fn parse<E: From<Problem>>(
    text: &str,
    value: &impl Fn(&str) -> Result<String, E>,
) -> Result<Mount, E> {
    let mut mount = Draft::default();
    for field in fields(text)? {
        match field.split_once('=') {
            Some((key, raw)) => mount.set(&key.to_ascii_lowercase(), &value(raw)?, &field)?,
            None => mount.switch(&field)?,
        }
    }
    Ok(mount.finish()?)
}

/// Splits a line of comma-separated values (RFC 4180): a quoted one may hold commas.
fn fields(text: &str) -> Result<Vec<String>, Problem> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => match rest.split_once(',') {
                Some((field, after)) => (field.to_owned(), Some(after)),
                None => (rest.to_owned(), None),
            },
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

fn quoted_field(text: &str) -> Result<(String, Option<&str>), Problem> {
    let mut field = String::new();
    let mut rest = text;
    while let Some((part, after)) = rest.split_once('"') {
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None if after.is_empty() => return Ok((field, None)),
            None => {
                let after = after.strip_prefix(',').ok_or_else(quotes)?;
                return Ok((field, Some(after)));
            }
        }
    }
    Err(quotes())
}

fn quotes() -> Problem {
    Problem::new("a mount's quotes are not in pairs")
}

/// A mount while it is read.
#[derive(Default)]
struct Draft {
    kind: Option<MountKind>,
    read_only: Option<bool>,
    from: Option<String>,
    source: Option<String>,
    target: Option<String>,
    size: Option<u64>,
    id: Option<String>,
    sharing: Option<Sharing>,
    required: Option<bool>,
    env: Option<String>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Draft {
    fn set(&mut self, key: &str, value: &str, field: &str) -> Result<(), Problem> {
        let text = || Some(value.to_owned());
        match key {
            "type" => self.kind = Some(kind(value)?),
            "from" => self.from = text(),
            "source" | "src" => self.source = text(),
            "target" | "dst" | "destination" => self.target = text(),
            "readonly" | "ro" => self.read_only = Some(truth(key, value)?),
            "readwrite" | "rw" => self.read_only = Some(!truth(key, value)?),
            "required" => self.required = Some(truth(key, value)?),
            "size" => self.size = Some(size(value).ok_or_else(|| invalid(key, value))?),
            "id" => self.id = text(),
            "sharing" => self.sharing = Some(sharing(value)?),
            "mode" => self.mode = Some(u32::from_str_radix(value, 8).map_err(|_| invalid(key, value))?),
            "uid" => self.uid = Some(value.parse().map_err(|_| invalid(key, value))?),
            "gid" => self.gid = Some(value.parse().map_err(|_| invalid(key, value))?),
            "env" => self.env = text(),
            _ => return Err(unknown(key, field)),
        }
        Ok(())
    }

    /// Reads a field without a value.
    fn switch(&mut self, field: &str) -> Result<(), Problem> {
        match field.to_ascii_lowercase().as_str() {
            "readonly" | "ro" => self.read_only = Some(true),
            "readwrite" | "rw" => self.read_only = Some(false),
            "required" => self.required = Some(true),
            _ => {
                return Err(Problem::new(format!(
                    "`{field}` of a mount has no value: expected `{field}=VALUE`"
                )));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Mount, Problem> {
        let kind = self.kind.unwrap_or(MountKind::Bind);
        self.check(kind)?;
        let is_writable = matches!(kind, MountKind::Cache | MountKind::Tmpfs);
        Ok(Mount {
            kind,
            read_only: self.read_only.unwrap_or(!is_writable),
            from: self.from,
            source: self.source,
            target: self.target,
            size: self.size,
            id: self.id,
            sharing: self.sharing,
            required: self.required.unwrap_or(false),
            env: self.env,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
        })
    }

    fn check(&self, kind: MountKind) -> Result<(), Problem> {
        let is_secret = kind == MountKind::Secret;
        let has_owner = is_secret || matches!(kind, MountKind::Ssh | MountKind::Cache);
        let wrong = [
            (
                self.required.is_some() && !is_secret && kind != MountKind::Ssh,
                "`required` is for secrets and SSH",
            ),
            (
                self.size.is_some() && kind != MountKind::Tmpfs,
                "`size` is for mounts in memory",
            ),
            (
                self.mode.is_some() && !has_owner,
                "`mode` is for caches and secrets",
            ),
            (
                self.uid.is_some() && !has_owner,
                "`uid` is for caches and secrets",
            ),
            (
                self.gid.is_some() && !has_owner,
                "`gid` is for caches and secrets",
            ),
            (
                self.sharing.is_some() && kind != MountKind::Cache,
                "`sharing` is for caches",
            ),
            (is_secret && self.from.is_some(), "a secret has no `from`"),
            (
                is_secret && self.source.is_some() && self.id.is_some(),
                "a secret has an `id` or a `source`, not both",
            ),
            (
                is_secret && self.source.is_none() && self.target.is_none() && self.id.is_none(),
                "a secret needs an `id` or a `target`",
            ),
        ];
        match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, message)) => Err(Problem::new(*message)),
            None => Ok(()),
        }
    }
}

fn kind(text: &str) -> Result<MountKind, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "bind" => Ok(MountKind::Bind),
        "cache" => Ok(MountKind::Cache),
        "tmpfs" => Ok(MountKind::Tmpfs),
        "secret" => Ok(MountKind::Secret),
        "ssh" => Ok(MountKind::Ssh),
        _ => Err(Problem::new(format!("`{text}` is no type of mount"))
            .with_hint("expected `bind`, `cache`, `tmpfs`, `secret` or `ssh`")),
    }
}

fn sharing(text: &str) -> Result<Sharing, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "shared" => Ok(Sharing::Shared),
        "private" => Ok(Sharing::Private),
        "locked" => Ok(Sharing::Locked),
        _ => Err(Problem::new(format!("`{text}` is no way to share a cache"))
            .with_hint("expected `shared`, `private` or `locked`")),
    }
}

/// The spellings that Go's `strconv.ParseBool` takes.
fn truth(key: &str, text: &str) -> Result<bool, Problem> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(invalid(key, text)),
    }
}

/// Reads a size as Docker's command line does: a number, maybe with a fraction, and a unit of 1024s.
fn size(text: &str) -> Option<u64> {
    let end = text
        .find(|part: char| !part.is_ascii_digit() && part != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim_start().to_ascii_lowercase();
    let unit = unit
        .strip_suffix("ib")
        .or(unit.strip_suffix('b'))
        .unwrap_or(&unit);
    let exponent = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(exponent);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no fraction of a byte is wanted, and there is no minus sign"
    )]
    bytes.is_finite().then_some(bytes as u64)
}

fn invalid(key: &str, value: &str) -> Problem {
    Problem::new(format!("`{value}` is no value for `{key}` of a mount"))
}

fn unknown(key: &str, field: &str) -> Problem {
    Problem::new(format!("unknown key `{key}` in `{field}` of a mount")).with_hint(
        "known are `type`, `from`, `source`, `target`, `readonly`, `id`, `sharing`, `required`, `size`, `mode`, `uid`, `gid` and `env`",
    )
}
