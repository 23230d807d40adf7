//! What the header of a program says (System V ABI, "Object Files"; ELF-64, little-endian): for which processors it is,
//! and whether another program must load it.

use crate::target::Arch;

const MAGIC: &[u8] = b"\x7fELF";

/// Where the fields of the header are, and how long they are.
const CLASS: usize = 4;
const BYTE_ORDER: usize = 5;
const MACHINE: usize = 18;
const PROGRAM_HEADERS: usize = 32;
const PROGRAM_HEADER_SIZE: usize = 54;
const PROGRAM_HEADER_COUNT: usize = 56;

/// Where the fields of a program header are.
const OFFSET: usize = 8;
const FILE_SIZE: usize = 32;

/// The values that are looked for.
const BITS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const X86_64: u16 = 62;
const AARCH64: u16 = 183;
const INTERPRETER: u32 = 3;

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elf {
    /// The processors that it is for; nothing for those that images are never for.
    pub(super) arch: Option<Arch>,
    /// The path of the program that loads it, with the libraries that it names; nothing for a static one.
    pub(super) interpreter: Option<String>,
}

impl Elf {
    /// Reads the header of a program; nothing when it is none for Linux.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if !is_one(bytes) {
            return None;
        }
        if bytes.get(CLASS..=BYTE_ORDER)? != [BITS_64, LITTLE_ENDIAN] {
            return Some(Self {
                arch: None,
                interpreter: None,
            });
        }
        let arch = match u16::from_le_bytes(field(bytes, MACHINE)?) {
            X86_64 => Some(Arch::Amd64),
            AARCH64 => Some(Arch::Arm64),
            _ => None,
        };
        Some(Self {
            arch,
            interpreter: interpreter(bytes),
        })
    }
}

/// Answers whether the bytes are those of a program for Linux.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Answers what a file is that is no program for Linux.
pub(super) fn described(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'M', b'Z', ..] => "a program for Windows",
        [0xcf, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => "a program for macOS",
        _ => "no program",
    }
}

fn interpreter(bytes: &[u8]) -> Option<String> {
    let start = usize::try_from(u64::from_le_bytes(field(bytes, PROGRAM_HEADERS)?)).ok()?;
    let size = usize::from(u16::from_le_bytes(field(bytes, PROGRAM_HEADER_SIZE)?));
    let count = usize::from(u16::from_le_bytes(field(bytes, PROGRAM_HEADER_COUNT)?));
    let headers = bytes.get(start..)?.chunks(size.max(1)).take(count);
    let mut found = headers.filter(|header| field(header, 0).map(u32::from_le_bytes) == Some(INTERPRETER));
    let header = found.next()?;
    let offset = usize::try_from(u64::from_le_bytes(field(header, OFFSET)?)).ok()?;
    let length = usize::try_from(u64::from_le_bytes(field(header, FILE_SIZE)?)).ok()?;
    let text = bytes.get(offset..offset.checked_add(length)?)?;
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    Some(String::from_utf8_lossy(text).into_owned())
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with one program header behind it, and a text behind that.
    fn program(machine: u16, kind: u32) -> Vec<u8> {
        let text = b"/lib/ld.so\0";
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes[64..68].copy_from_slice(&kind.to_le_bytes());
        bytes[72..80].copy_from_slice(&120_u64.to_le_bytes());
        bytes[96..104].copy_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend(text);
        bytes
    }

    #[test]
    fn processors_and_interpreters_are_read() {
        for (machine, arch) in [(62, Some(Arch::Amd64)), (183, Some(Arch::Arm64)), (243, None)] {
            let elf = Elf::read(&program(machine, 1)).unwrap();
            assert_eq!((elf.arch, elf.interpreter), (arch, None), "{machine}");
        }
        let dynamic = Elf::read(&program(62, 3)).unwrap();
        assert_eq!(dynamic.interpreter.as_deref(), Some("/lib/ld.so"));
        assert_eq!(Elf::read(b"MZ"), None);
        assert_eq!(described(b"MZ\0"), "a program for Windows");
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Elf::read(&bytes);
            bytes.splice(..0, *b"\x7fELF\x02\x01");
            let _ = Elf::read(&bytes);
        }
    }
}
