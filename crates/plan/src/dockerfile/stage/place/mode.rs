//! Permission bits as `chmod` takes them.

/// Answers whether a text is bits in octal digits, or changes in letters (POSIX.1-2017, `chmod`).
pub(super) fn is_mode(text: &str) -> bool {
    match u32::from_str_radix(text, 8) {
        Ok(bits) => bits <= 0o7777 && !text.starts_with('+'),
        Err(_) => text.split(',').all(is_clause),
    }
}

/// Reads `ug+rwX-s`: who, and one or more changes.
fn is_clause(text: &str) -> bool {
    let changes = text.trim_start_matches(['u', 'g', 'o', 'a']);
    let Some(rest) = changes.strip_prefix(['+', '-', '=']) else {
        return false;
    };
    rest.split(['+', '-', '='])
        .all(|bits| matches!(bits, "u" | "g" | "o") || bits.bytes().all(|bit| b"rwxXst".contains(&bit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_or_symbolic() {
        for mode in ["755", "0644", "7777", "u=rwX,go=rX", "+x", "a-w+r", "g=u", "go="] {
            assert!(is_mode(mode), "{mode}");
        }
        for other in ["", "888", "17777", "-", "u", "u+z", "rwx", "u+x,"] {
            assert_eq!(is_mode(other), other == "-", "{other}");
        }
    }
}
