//! Platforms as Dockerfiles name them: `linux/amd64`, `arm64`, `linux/arm64/v8`.

use crate::target::Arch;

/// The system that every image here is for.
pub(super) const OS: &str = "linux";

/// What a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Platform {
    /// Processors that images can be built for.
    Known(Arch),
    /// Others, which is wrong only when an image needs them.
    Other(String),
}

/// Answers the name of a platform.
pub(super) fn name(arch: Arch) -> String {
    format!("{OS}/{}", arch.name())
}

/// Reads a platform (containerd's `platforms.Parse`); nothing when the text names none.
pub(super) fn parse(text: &str) -> Option<Platform> {
    let text = text.to_ascii_lowercase();
    let parts: Vec<&str> = text.split('/').collect();
    let is_part = |part: &&str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-()".contains(&byte))
    };
    if !parts.iter().all(is_part) || parts.len() > 3 {
        return None;
    }
    let (os, arch, variant) = match parts.as_slice() {
        // One word is an architecture that is known, or a system for the host's.
        [word] if arch_of(word).is_some() => (OS, *word, ""),
        [word] => (*word, "", ""),
        [os, arch] => (*os, *arch, ""),
        [os, arch, variant] => (*os, *arch, *variant),
        _ => return None,
    };
    match arch_of(arch) {
        Some(known) if os == OS && is_usual(known, variant) => Some(Platform::Known(known)),
        _ => Some(Platform::Other(text)),
    }
}

fn arch_of(word: &str) -> Option<Arch> {
    match word {
        "amd64" | "x86_64" | "x86-64" => Some(Arch::Amd64),
        "arm64" | "aarch64" => Some(Arch::Arm64),
        _ => None,
    }
}

fn is_usual(arch: Arch, variant: &str) -> bool {
    match arch {
        Arch::Amd64 => matches!(variant, "" | "v1"),
        Arch::Arm64 => matches!(variant, "" | "8" | "v8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_in_their_usual_spellings() {
        let known = |text| match parse(text) {
            Some(Platform::Known(arch)) => Some(arch),
            _ => None,
        };
        for text in ["linux/amd64", "amd64", "x86_64", "Linux/AMD64", "linux/x86_64"] {
            assert_eq!(known(text), Some(Arch::Amd64), "{text}");
        }
        for text in ["linux/arm64", "aarch64", "linux/arm64/v8"] {
            assert_eq!(known(text), Some(Arch::Arm64), "{text}");
        }
        for text in ["linux/s390x", "windows/amd64", "linux/arm/v7", "linux/amd64/v3"] {
            assert_eq!(parse(text), Some(Platform::Other(text.to_owned())), "{text}");
        }
        for text in ["", "linux//amd64", "a/b/c/d", "linux/am d64"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
