//! As much of a DNS message as is needed to answer a question or to pass it on (RFC 1035 §4).

use std::net::IpAddr;

const HEADER: usize = 12;
const RESPONSE: u8 = 0x80;
const OPCODE: u8 = 0x78;
const AUTHORITATIVE: u8 = 0x04;
const TRUNCATED: u8 = 0x02;
const RECURSION_DESIRED: u8 = 0x01;
const RECURSION_AVAILABLE: u8 = 0x80;
const RCODE: u8 = 0x0f;
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const REFUSED: u8 = 5;

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const LONGEST_LABEL: u8 = 63;
const LONGEST_NAME: usize = 255;
/// Where a name stands again that stands in the question (RFC 1035 §4.1.4).
const SAME_NAME: u16 = 0xc00c;
/// Seconds that an answer may be kept: functions come and go.
const TIME_TO_LIVE: u32 = 5;

/// A question as it came, with the parts that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    bytes: Vec<u8>,
    name: String,
    kind: u16,
    /// Where the question ends and further records begin.
    end: usize,
}

impl Query {
    /// Takes a message with one question. Anything else is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let is_query = header[2] & (RESPONSE | OPCODE) == 0;
        let questions = u16::from_be_bytes([header[4], header[5]]);
        if !is_query || questions != 1 {
            return None;
        }
        let (name, after) = read_name(bytes)?;
        let fixed: &[u8; 4] = bytes.get(after..)?.first_chunk()?;
        let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
        let end = after + fixed.len();
        Some(Self {
            bytes: bytes.to_vec(),
            name,
            kind,
            end,
        })
    }

    /// Answers the name asked for, in lower case, without a dot at its end.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Answers the whole message.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes the answer with those of `addresses` that were asked for.
    pub(super) fn answer(&self, addresses: &[IpAddr]) -> Vec<u8> {
        let records: Vec<_> = addresses
            .iter()
            .filter(|address| self.kind == kind_of(address))
            .collect();
        let mut message = self.response(AUTHORITATIVE, NO_ERROR);
        message[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap_or_default().to_be_bytes());
        for address in records {
            message.extend(SAME_NAME.to_be_bytes());
            message.extend(self.kind.to_be_bytes());
            message.extend(CLASS_IN.to_be_bytes());
            message.extend(TIME_TO_LIVE.to_be_bytes());
            append_address(&mut message, *address);
        }
        message
    }

    /// Makes the answer that no server could be asked.
    pub(super) fn failure(&self) -> Vec<u8> {
        self.response(0, SERVER_FAILURE)
    }

    /// Makes the answer that the real one is too long for a datagram: the asker comes back over TCP.
    pub(super) fn truncated(&self) -> Vec<u8> {
        self.response(TRUNCATED, NO_ERROR)
    }

    /// Says whether `message` is an answer to this very question (RFC 5452 §9.1).
    pub(super) fn is_answered_by(&self, message: &[u8]) -> bool {
        let same_id = message.get(..2) == self.bytes.get(..2);
        let response = message.get(2).is_some_and(|flags| flags & RESPONSE != 0);
        let question = |bytes: &[u8]| bytes.get(HEADER..self.end).map(<[u8]>::to_ascii_lowercase);
        // A server that understood nothing may leave the question out.
        let without_question = message.len() == HEADER;
        same_id && response && (without_question || question(message) == question(&self.bytes))
    }

    /// Header and question, with nothing else counted.
    fn response(&self, flags: u8, code: u8) -> Vec<u8> {
        let mut message = self.bytes[..self.end].to_vec();
        message[2] = RESPONSE | flags | self.bytes[2] & RECURSION_DESIRED;
        message[3] = RECURSION_AVAILABLE | code;
        message[6..HEADER].fill(0);
        message
    }
}

/// Says whether another server may know better: this one failed, or does not want to answer.
pub(super) fn is_failure(message: &[u8]) -> bool {
    message
        .get(3)
        .is_none_or(|flags| matches!(flags & RCODE, SERVER_FAILURE | REFUSED))
}

/// Puts the length before a message for TCP; nothing if it is too long.
pub(super) fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok()?;
    Some([&length.to_be_bytes()[..], message].concat())
}

/// Reads the name behind the header, and where it ends. Questions have no compressed names.
fn read_name(bytes: &[u8]) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut at = HEADER;
    loop {
        let length = *bytes.get(at)?;
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        if length > LONGEST_LABEL || at - HEADER + usize::from(length) > LONGEST_NAME {
            return None;
        }
        let label = bytes.get(at..at + usize::from(length))?;
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        at += usize::from(length);
    }
}

fn kind_of(address: &IpAddr) -> u16 {
    match address {
        IpAddr::V4(_) => TYPE_A,
        IpAddr::V6(_) => TYPE_AAAA,
    }
}

fn append_address(message: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            message.extend(4_u16.to_be_bytes());
            message.extend(address.octets());
        }
        IpAddr::V6(address) => {
            message.extend(16_u16.to_be_bytes());
            message.extend(address.octets());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        // An OPT record, as programs add it (RFC 6891).
        bytes.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_question_is_read_in_lower_case_and_answered_with_the_addresses_of_its_kind() {
        let query = Query::parse(&query("Gateway.OpenFaaS", TYPE_A)).unwrap();
        assert_eq!(query.name(), "gateway.openfaas");
        let answer = query.answer(&[Ipv4Addr::new(127, 0, 0, 9).into(), Ipv6Addr::LOCALHOST.into()]);
        assert!(query.is_answered_by(&answer));
        assert_eq!(answer[2..12], [0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(
            answer[query.end..],
            [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 9]
        );
    }

    #[test]
    fn a_name_without_addresses_of_the_kind_exists_and_has_none() {
        let query = Query::parse(&query("a.internal", TYPE_AAAA)).unwrap();
        let answer = query.answer(&[Ipv4Addr::LOCALHOST.into()]);
        assert_eq!(answer[3] & RCODE, NO_ERROR);
        assert_eq!(answer[6..8], [0, 0]);
    }

    #[test]
    fn failure_and_truncation_say_so_and_repeat_the_question() {
        let query = Query::parse(&query("a.example", TYPE_A)).unwrap();
        assert!(is_failure(&query.failure()));
        assert!(!is_failure(&query.truncated()));
        assert_eq!(query.truncated()[2] & TRUNCATED, TRUNCATED);
        assert!(query.is_answered_by(&query.truncated()));
    }

    #[test]
    fn what_is_no_single_question_is_none() {
        let good = query("a.example", TYPE_A);
        let with = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            bytes
        };
        let too_long = [&good[..HEADER], &[63; 300]].concat();
        for (what, bytes) in [
            ("nothing", vec![]),
            ("a header alone", good[..HEADER].to_vec()),
            ("a response", with(2, 0x80)),
            ("an update", with(2, 0x28)),
            ("two questions", with(5, 2)),
            ("no question", with(5, 0)),
            ("a compressed name", with(HEADER, 0xc0)),
            ("a label beyond the end", with(HEADER, 60)),
            ("a name that is too long", too_long),
        ] {
            assert_eq!(Query::parse(&bytes), None, "{what}");
        }
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let asked = Query::parse(&query("a.example", TYPE_A)).unwrap();
        let other = Query::parse(&query("b.example", TYPE_A)).unwrap();
        assert!(!asked.is_answered_by(&other.failure()));
        assert!(!asked.is_answered_by(asked.bytes()));
        assert!(!asked.is_answered_by(&[]));
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_parsed_and_what_is_parsed_can_be_answered(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Some(query) = Query::parse(&bytes) {
                prop_assert!(query.is_answered_by(&query.failure()));
                prop_assert!(query.answer(&[Ipv4Addr::LOCALHOST.into()]).len() >= HEADER);
            }
        }

        #[test]
        fn names_within_the_limits_are_read(labels in proptest::collection::vec("[a-z0-9-]{1,63}", 1..4)) {
            let name = labels.join(".");
            let query = Query::parse(&query(&name, TYPE_A)).unwrap();
            prop_assert_eq!(query.name(), name);
        }
    }
}
