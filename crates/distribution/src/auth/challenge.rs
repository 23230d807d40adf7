//! What a registry that refuses asks for (RFC 9110 §11.6.1, `WWW-Authenticate`).

use std::collections::BTreeMap;

use http::{HeaderMap, header};

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token of its token server.
    Bearer(Bearer),
    /// Name and password.
    Basic,
}

/// Where tokens are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bearer {
    /// The token server's address.
    pub(super) realm: String,
    /// What the registry calls itself there.
    pub(super) service: Option<String>,
}

impl Challenge {
    /// Reads an answer's challenges; a token is preferred.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let mut challenges: Vec<Self> = texts
            .filter_map(|text| text.to_str().ok())
            .flat_map(parse)
            .filter_map(|(scheme, parameters)| Self::from(&scheme, parameters))
            .collect();
        challenges.sort_by_key(|challenge| matches!(challenge, Self::Basic));
        challenges.into_iter().next()
    }

    fn from(scheme: &str, mut parameters: BTreeMap<String, String>) -> Option<Self> {
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(Self::Bearer(Bearer {
                realm: parameters.remove("realm")?,
                service: parameters.remove("service"),
            })),
            "basic" => Some(Self::Basic),
            _ => None,
        }
    }
}

/// Splits a header into challenges, each a scheme and its parameters.
fn parse(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut challenges: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut rest = text.trim_start_matches([',', ' ', '\t']);
    while !rest.is_empty() {
        let end = rest.find(['=', ' ', ',', '\t']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = match after.trim_start().strip_prefix('=') {
            Some(value) if !word.is_empty() => {
                let (value, after) = take_value(value.trim_start());
                if let Some((_, parameters)) = challenges.last_mut() {
                    parameters.insert(word.to_ascii_lowercase(), value);
                }
                after
            }
            Some(after) => after,
            None => {
                challenges.push((word.to_owned(), BTreeMap::new()));
                after
            }
        };
        rest = rest.trim_start_matches([',', ' ', '\t']);
    }
    challenges
}

/// Takes a token or a quoted string.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return (value, &quoted[index + 1..]),
            '\\' => value.extend(chars.next().map(|(_, char)| char)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(header::WWW_AUTHENTICATE, text.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer(Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        })
    }

    #[test]
    fn challenges_are_read_in_each_form_that_registries_write() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b,c""#;
        let at_hub = bearer("https://auth.docker.io/token", Some("registry.docker.io"));
        for (texts, expected) in [
            (&[hub][..], at_hub),
            (&["bearer realm=https://a/t"], bearer("https://a/t", None)),
            (&[r#"Basic realm="Registry, \"here\"""#], Challenge::Basic),
            (
                &[r#"Basic realm="x", Bearer realm="https://a/t" , service=s"#],
                bearer("https://a/t", Some("s")),
            ),
            (
                &["Basic", r#"Bearer realm="https://a/t""#],
                bearer("https://a/t", None),
            ),
        ] {
            assert_eq!(read(texts), Some(expected), "{texts:?}");
        }
    }

    #[test]
    fn what_asks_for_nothing_known_is_nothing() {
        for text in [
            "",
            "Negotiate",
            "Bearer",
            "=,=\"",
            "Digest realm=\"x\", =",
            "Bearer realm",
        ] {
            assert_eq!(read(&[text]), None, "{text}");
        }
        assert_eq!(read(&[]), None);
    }
}
