//! What values have to be besides being of their type. Each check answers what is wrong.

use std::collections::BTreeMap;

use super::value::is_inside;

pub(super) fn debian_packages(packages: &[String]) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    match packages.iter().find(|package| !package.bytes().all(allowed)) {
        Some(package) => Err(format!("`{package}` is not the name of a Debian package")),
        None => Ok(()),
    }
}

pub(super) fn variables(env: &BTreeMap<String, String>) -> Result<(), String> {
    let allowed = |name: &str| {
        !name.starts_with(|first: char| first.is_ascii_digit())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match env
        .iter()
        .find(|(name, value)| name.is_empty() || !allowed(name) || value.contains('\0'))
    {
        Some((name, _)) => Err(format!(
            "`{name}` is not the name of an environment variable, or its value holds a zero byte"
        )),
        None => Ok(()),
    }
}

pub(super) fn secrets(names: &[String]) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match names
        .iter()
        .find(|name| !name.bytes().all(allowed) || name.starts_with('.'))
    {
        Some(name) => Err(format!(
            "`{name}` is not the name of a secret: expected letters, digits, `-`, `_` and `.`"
        )),
        None => Ok(()),
    }
}

pub(super) fn statuses(codes: &[u16]) -> Result<(), String> {
    match codes.iter().find(|code| !(100..=599).contains(*code)) {
        Some(code) => Err(format!("{code} is not an HTTP status")),
        None => Ok(()),
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "a check is given the value as it was read"
)]
pub(super) fn positive(port: &u16) -> Result<(), String> {
    if *port == 0 {
        Err("a port is a number from 1 to 65535".to_owned())
    } else {
        Ok(())
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "a check is given the value as it was read"
)]
pub(super) fn at_least_one(number: &u32) -> Result<(), String> {
    if *number == 0 {
        Err("must be at least 1".to_owned())
    } else {
        Ok(())
    }
}

pub(super) fn version(text: &str) -> Result<(), String> {
    let parts: Vec<_> = text.strip_prefix('v').unwrap_or(text).split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() <= 3 && parts.iter().all(numeric) {
        Ok(())
    } else {
        Err(format!(
            "`{text}` is not a version: expected `3`, `3.13` or `3.13.1`"
        ))
    }
}

pub(super) fn inside(path: &str) -> Result<(), String> {
    if is_inside(path) {
        Ok(())
    } else {
        Err(format!("`{path}` is not inside of the folder"))
    }
}

pub(super) fn folder(path: &str) -> Result<(), String> {
    if path == "." {
        Ok(())
    } else {
        inside(path.trim_end_matches('/'))
    }
}

pub(super) fn absolute(path: &str) -> Result<(), String> {
    if path.starts_with('/') {
        Ok(())
    } else {
        Err(format!("`{path}` does not start with `/`"))
    }
}

pub(super) fn five_fields(cron: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"*,-/?# LW".contains(&byte);
    if cron.split_whitespace().count() == 5 && cron.bytes().all(allowed) {
        Ok(())
    } else {
        Err(format!(
            "`{cron}` does not have the five fields minute, hour, day, month and weekday"
        ))
    }
}
