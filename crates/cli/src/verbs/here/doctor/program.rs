//! The smallest program there is: it ends well. It needs no library and no loader, so it runs in an empty root.

/// The machine code that calls `exit(0)`, and the number of its processor (ELF-64 Object File Format, `e_machine`).
#[cfg(target_arch = "x86_64")]
const EXIT: (&[u8], u16) = (
    &[
        0xb8, 0x3c, 0x00, 0x00, 0x00, // mov eax, 60
        0x31, 0xff, // xor edi, edi
        0x0f, 0x05, // syscall
    ],
    62,
);
#[cfg(target_arch = "aarch64")]
const EXIT: (&[u8], u16) = (
    &[
        0xa8, 0x0b, 0x80, 0xd2, // mov x8, #93
        0x00, 0x00, 0x80, 0xd2, // mov x0, #0
        0x01, 0x00, 0x00, 0xd4, // svc #0
    ],
    183,
);

/// Where it is loaded.
const ADDRESS: u64 = 0x40_0000;
const HEADER: u16 = 64;
const SEGMENT: u16 = 56;

/// Answers an executable file (System V ABI, chapters 4 and 5): a header, one segment, the code.
pub(super) fn image() -> Vec<u8> {
    let (code, machine) = EXIT;
    let start = u64::from(HEADER) + u64::from(SEGMENT);
    let size = start + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [2, machine] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes());
    for word in [ADDRESS + start, u64::from(HEADER), 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for half in [HEADER, SEGMENT, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    // A segment to load, to be read and executed, of the whole file.
    for word in [1_u32, 5] {
        file.extend(word.to_le_bytes());
    }
    for word in [0, ADDRESS, ADDRESS, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}
