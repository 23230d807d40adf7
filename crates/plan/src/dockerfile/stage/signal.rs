//! The names of signals (signal(7); what Docker's `STOPSIGNAL` takes).

const NAMES: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN",
];

/// Answers whether a text is a signal's number, or its name with or without `SIG`.
pub(super) fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let name = text.to_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    NAMES.contains(&name) || name == "RTMAX" || is_real_time(name)
}

/// Answers whether it is one of `RTMIN+1` to `RTMIN+15`, or of `RTMAX-14` to `RTMAX-1`.
fn is_real_time(name: &str) -> bool {
    let from = |prefix, most| {
        let number = name
            .strip_prefix(prefix)
            .and_then(|number: &str| number.parse::<u8>().ok());
        number.is_some_and(|number| (1..=most).contains(&number))
    };
    from("RTMIN+", 15) || from("RTMAX-", 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_numbers_and_names() {
        for signal in [
            "SIGTERM",
            "term",
            "15",
            "RTMIN+3",
            "SIGRTMAX-14",
            "sigusr1",
            "RTMAX",
        ] {
            assert!(is_signal(signal), "{signal}");
        }
        for other in ["", "0", "SIGNOTHING", "RTMIN+16", "RTMIN-1", "SIG"] {
            assert!(!is_signal(other), "{other}");
        }
    }
}
