//! The whole process is looked at here, so this test has a program of its own.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use coracle_netns::{Dialer, Netns, loopback_up};
use fs_err as fs;
use tokio::time::Instant;

fn namespaces_of_all_threads() -> io::Result<BTreeSet<PathBuf>> {
    fs::read_dir("/proc/self/task")?
        .map(|thread| fs::read_link(thread?.path().join("ns/net")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_many_dials_every_thread_is_in_its_home_namespace() {
    let before = namespaces_of_all_threads().unwrap();
    assert_eq!(before.len(), 1);
    let dialer = Dialer::start().unwrap();
    for _ in 0..5 {
        let namespace = Netns::create().expect("needs root");
        loopback_up(&namespace).unwrap();
        let listener = dialer
            .listen(&namespace, (Ipv4Addr::LOCALHOST, 8080).into())
            .await
            .unwrap();
        for _ in 0..50 {
            let deadline = Instant::now() + Duration::from_secs(30);
            let (connected, accepted) =
                tokio::join!(dialer.connect(&namespace, 8080, deadline), listener.accept());
            connected.unwrap();
            accepted.unwrap();
        }
    }
    assert_eq!(namespaces_of_all_threads().unwrap(), before);
}
