//! What BuildKit asks for of a folder, as header fields say it.

use tonic::metadata::MetadataMap;

use crate::context::Wanted;

/// Understands what BuildKit asks for (BuildKit, `session/filesync/filesync.go`).
pub(super) fn wanted(metadata: &MetadataMap) -> Wanted {
    Wanted {
        include: values(metadata, "include-patterns"),
        exclude: values(metadata, "exclude-patterns"),
        follow: values(metadata, "followpaths"),
    }
}

/// Answers the name of the folder that is asked for.
pub(super) fn folder(metadata: &MetadataMap) -> String {
    values(metadata, "dir-name").pop().unwrap_or_default()
}

/// Answers all values of a field; those with other letters than ASCII come as in a query, which another field says.
fn values(metadata: &MetadataMap, name: &str) -> Vec<String> {
    let texts = |name: &str| -> Vec<String> {
        let values = metadata.get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_encoded_bytes()).into_owned())
            .collect()
    };
    let is_encoded = texts(&format!("{name}-encoded"))
        .first()
        .is_some_and(|text| text == "1");
    let values = texts(name);
    if is_encoded {
        values.iter().map(|value| decoded(value)).collect()
    } else {
        values
    }
}

/// Takes the encoding of queries off (Go, `url.QueryUnescape`).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let (byte, tail) = match (first, rest) {
            (b'+', _) => (b' ', rest),
            (b'%', [high, low, tail @ ..]) => match hex(*high).zip(hex(*low)) {
                Some((high, low)) => (high << 4 | low, tail),
                None => (b'%', rest),
            },
            (byte, _) => (*byte, rest),
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_plain_or_as_in_a_query() {
        let mut metadata = MetadataMap::new();
        metadata.append("followpaths", "a+b%41".parse().unwrap());
        metadata.append("followpaths", "c".parse().unwrap());
        assert_eq!(values(&metadata, "followpaths"), ["a+b%41", "c"]);
        metadata.append("followpaths-encoded", "1".parse().unwrap());
        assert_eq!(values(&metadata, "followpaths"), ["a bA", "c"]);
        assert_eq!(decoded("%C3%A4%zz%"), "ä%zz%");
    }
}
