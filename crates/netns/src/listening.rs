//! Which addresses the servers in a namespace listen on, from `/proc/PID/net/tcp` and `tcp6` (`proc_pid_net(5)`).
//!
//! This is how "nobody listens on 8080, but somebody does on 3000" is found out. `sock_diag` would say the
//! same; the files need no socket inside the namespace.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use fs_err as fs;

/// The state `TCP_LISTEN` of `linux/tcp_states.h`, as the files have it.
const LISTEN: &str = "0A";

/// A TCP socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListeningSocket {
    /// The address and port it is bound to.
    pub address: SocketAddr,
    /// The user, as the reader's user namespace counts, who made it.
    pub uid: u32,
}

/// Answers the TCP sockets that listen in the namespace of the process `pid`.
pub fn listening_of_process(pid: u32) -> io::Result<Vec<ListeningSocket>> {
    let mut found = Vec::new();
    for file in ["tcp", "tcp6"] {
        match fs::read_to_string(format!("/proc/{pid}/net/{file}")) {
            Ok(table) => found.extend(listening_sockets(&table)),
            // A kernel without IPv6 has no such file.
            Err(error) if file == "tcp6" && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Answers the sockets that listen, from the text of `/proc/PID/net/tcp` or `tcp6`.
/// Lines that are no sockets are passed over.
pub fn listening_sockets(table: &str) -> Vec<ListeningSocket> {
    table.lines().filter_map(listening_socket).collect()
}

/// Columns: number, local address, remote address, state, queues, timer, retransmissions, user, …
fn listening_socket(line: &str) -> Option<ListeningSocket> {
    let mut columns = line.split_ascii_whitespace();
    let local = columns.nth(1)?;
    let state = columns.nth(1)?;
    if state != LISTEN {
        return None;
    }
    let uid = columns.nth(3)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let address = SocketAddr::new(address_of(address)?, u16::from_str_radix(port, 16).ok()?);
    Some(ListeningSocket { address, uid })
}

/// The kernel prints an address as one or four 32-bit words in the machine's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        u32::from_str_radix(hex.get(at..at + 8)?, 16)
            .ok()
            .map(u32::to_ne_bytes)
    };
    match hex.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (index, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index * 8)?);
            }
            Some(IpAddr::from(Ipv6Addr::from(octets)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::os::unix::fs::MetadataExt as _;
    use std::process;

    use proptest::prelude::*;

    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65532        0 2 1 0 100 0 0 10 0
   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
";
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt uid
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 7
   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 8
   2: 0000000000000000FFFF00000100007F:0052 00000000000000000000000000000000:0000 06 00000000:00000000 00:00000000 00000000 9
";

    #[test]
    #[cfg(target_endian = "little")]
    fn only_sockets_that_listen_are_found() {
        for (table, expected) in [
            (TCP, vec!["0.0.0.0:3000 of 0", "127.0.0.1:8080 of 65532"]),
            (TCP6, vec!["[::]:80 of 7", "[::1]:81 of 8"]),
            ("", vec![]),
            (
                "   0: 0100007F 0:0 0A\n 1: XX00007F:0050 0:0 0A\n 2: 0100007F:0050\n 3: é:1 0 0A",
                vec![],
            ),
        ] {
            let found: Vec<_> = listening_sockets(table)
                .iter()
                .map(|socket| format!("{} of {}", socket.address, socket.uid))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_real_listener_is_found() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let uid = fs::metadata("/proc/self").unwrap().uid();
        assert!(
            listening_of_process(process::id())
                .unwrap()
                .contains(&ListeningSocket { address, uid })
        );
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in ".{0,200}") {
            listening_sockets(&text);
        }
    }
}
