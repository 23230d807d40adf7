//! `EXPOSE`: ports and ranges of them, with old habits that mean nothing (`IP:HOST:PORT`).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use coracle_spec::image::Empty;

use super::super::error::Wrong;
use super::super::graph::Command;
use super::super::scope;
use super::super::text;
use super::Stage;

/// What an argument of `EXPOSE` says.
#[derive(Debug, PartialEq, Eq)]
struct Spec {
    ports: RangeInclusive<u16>,
    protocol: String,
    /// Whether it also names an address or a port of the host, which means nothing.
    is_mapping: bool,
}

impl Stage<'_, '_> {
    pub(super) fn expose(&mut self, arguments: &[String], command: &Command) -> Result<(), Wrong> {
        let mut names = Vec::new();
        for argument in arguments {
            // Variables that nothing defines vanish silently here, as they do in BuildKit.
            let words = scope::expanded(argument, self.shared.escape, &self.state.variables)?.words;
            for word in words {
                let spec = parse(&word).map_err(|why| {
                    Wrong::new(format!("`{word}` is no port: {why}"))
                        .hint("expected one such as `8080`, `53/udp` or `8000-8010`")
                })?;
                self.check(&word, &spec, command);
                names.extend(self.exposed(&spec));
            }
        }
        self.noted(format!("EXPOSE {}", text::list(&names)), false)?;
        let exposed = &mut self.state.document.config.exposed_ports;
        exposed.extend(names.into_iter().map(|name| (name, Empty {})));
        Ok(())
    }

    fn check(&mut self, word: &str, spec: &Spec, command: &Command) {
        let checks = &mut self.shared.checks;
        if spec.protocol != spec.protocol.to_lowercase() {
            let message = format!("the protocol in `{word}` should be lower case");
            checks.report("ExposeProtoCasing", command.lines, message);
        }
        if spec.is_mapping {
            let message = format!("`{word}` names a port of the host, which EXPOSE does not do");
            checks.report("ExposeInvalidFormat", command.lines, message);
        }
    }

    /// Answers the names of ports, and keeps those of TCP.
    fn exposed(&mut self, spec: &Spec) -> Vec<String> {
        let protocol = spec.protocol.to_lowercase();
        if protocol == "tcp" {
            self.state.ports.push(*spec.ports.start());
        }
        let ports = spec.ports.clone();
        ports.map(|port| format!("{port}/{protocol}")).collect()
    }
}

/// Reads `[[ADDRESS:]HOST:]PORTS[/PROTOCOL]`.
fn parse(word: &str) -> Result<Spec, &'static str> {
    let (before, own) = match word.rsplit_once(':') {
        Some((before, own)) => (Some(before), own),
        None => (None, word),
    };
    let (number, protocol) = own.split_once('/').unwrap_or((own, ""));
    if number.is_empty() {
        return Err("there is no number");
    }
    let protocol = match protocol.to_lowercase().as_str() {
        "" => "tcp",
        "tcp" | "udp" | "sctp" => protocol,
        _ => return Err("the protocol is none of `tcp`, `udp` and `sctp`"),
    };
    let ports = range(number).ok_or("ports are from 0 to 65535")?;
    let is_mapping = match before {
        None => false,
        Some(before) => mapping(before, &ports)?,
    };
    Ok(Spec {
        ports,
        protocol: protocol.to_owned(),
        is_mapping,
    })
}

/// Checks what stands before the ports, and answers whether there is something.
fn mapping(before: &str, ports: &RangeInclusive<u16>) -> Result<bool, &'static str> {
    let (address, host) = match before.rsplit_once(':') {
        Some((address, host)) => (address, host),
        None => ("", before),
    };
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address);
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err("its address is none");
    }
    if !host.is_empty() {
        let host = range(host).ok_or("the host's ports are from 0 to 65535")?;
        if ports.len() != 1 && ports.len() != host.len() {
            return Err("its ranges are of different lengths");
        }
    }
    Ok(!address.is_empty() || !host.is_empty())
}

/// Reads `80` or `80-90`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    (start <= end).then_some(start..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_ranges_protocols_and_old_habits() {
        for (word, ports, protocol, is_mapping) in [
            ("80", 80..=80, "tcp", false),
            ("53/udp", 53..=53, "udp", false),
            ("1-3/SCTP", 1..=3, "SCTP", false),
            ("8080:80", 80..=80, "tcp", true),
            ("127.0.0.1:8080:80/tcp", 80..=80, "tcp", true),
            ("[::1]:80:80", 80..=80, "tcp", true),
            (":80", 80..=80, "tcp", false),
        ] {
            let protocol = protocol.to_owned();
            assert_eq!(
                parse(word),
                Ok(Spec {
                    ports,
                    protocol,
                    is_mapping
                }),
                "{word}"
            );
        }
        for wrong in ["", "a", "80/http", "65536", "3-1", "/tcp", "x:80:80", "1-2:1-3"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
