//! Instances, a host and an internet, all of them namespaces made here.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

use fs_err as fs;
use nix::libc;
use nix::sys::socket::{MsgFlags, NetlinkAddr, bind, recv, setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::*;
use crate::loopback::loopback_up;
use crate::world::{HOST, INTERNET, Server, World, join, namespace, program, seen_by};

fn open(host: &Netns) -> Egress {
    host.run(|| Egress::open(&EgressConfig::default()))
        .unwrap()
        .unwrap()
}

fn instance(egress: &Egress) -> (Netns, Attachment) {
    let instance = namespace();
    let attachment = egress.attach(&instance).unwrap();
    (instance, attachment)
}

fn host_links(host: &Netns) -> Vec<String> {
    let mut links = RouteSocket::open_in(host).unwrap().links().unwrap();
    links.retain(|link| link.name.starts_with(HOST_LINKS));
    links.into_iter().map(|link| link.name).collect()
}

fn has_table(host: &Netns, name: &str) -> bool {
    Firewall::open_in(host)
        .unwrap()
        .has_table(Family::Inet, name)
        .unwrap()
}

#[track_caller]
fn assert_refused(from: &Netns, to: SocketAddr) {
    if let Ok(seen) = seen_by(to, from) {
        panic!("{to} was reached and saw {seen}");
    }
}

#[test]
fn an_instance_reaches_the_internet_and_is_seen_as_the_host() {
    let world = World::new();
    let server = Server::start(&world.internet, INTERNET, 80);
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);
    assert_eq!(seen_by(server.address, &instance).unwrap(), HOST);
    let outsider = namespace();
    assert_refused(&outsider, server.address);
}

#[test]
fn packets_of_an_instance_fit_the_way_out() {
    let world = World::new();
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);
    let link = RouteSocket::open_in(&instance)
        .unwrap()
        .link(INSTANCE_LINK)
        .unwrap()
        .unwrap();
    assert_eq!(link.mtu, 1400);
}

#[test]
fn an_instance_reaches_the_host_on_none_of_its_addresses() {
    let world = World::new();
    let server = Server::start(&world.host, HOST, 80);
    let egress = open(&world.host);
    let (instance, attachment) = instance(&egress);
    let uplink = Ipv4Addr::new(198, 18, 0, 0);
    for address in [HOST, uplink] {
        seen_by(server.at(address), &world.host).expect("the host reaches itself");
        assert_refused(&instance, server.at(address));
    }
    let in_router = Server::start(&egress.router, attachment.gateway, 80);
    assert_refused(&instance, in_router.address);
    assert_refused(&instance, in_router.at(Ipv4Addr::new(198, 18, 0, 1)));
    seen_by(server.at(HOST), &world.internet).expect("the internet reaches the host");
}

#[test]
fn instances_reach_neither_each_other_nor_those_of_another_process() {
    let world = World::new();
    let (one, other) = (open(&world.host), open(&world.host));
    let (first, _) = instance(&one);
    for egress in [&one, &other] {
        let (second, attachment) = instance(egress);
        let server = Server::start(&second, attachment.address, 80);
        seen_by(server.address, &second).expect("an instance reaches itself");
        assert_refused(&first, server.address);
    }
    let router = Server::start(&other.router, Ipv4Addr::new(198, 18, 0, 3), 80);
    assert_refused(&first, router.address);
}

#[test]
fn an_instance_reaches_no_link_local_or_metadata_address() {
    let world = World::new();
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);
    let server = Server::start(&world.internet, INTERNET, 80);
    let mut internet = RouteSocket::open_in(&world.internet).unwrap();
    for address in [
        [169, 254, 169, 254],
        [100, 100, 100, 200],
        [168, 63, 129, 16],
        [192, 0, 0, 192],
    ] {
        let address = Ipv4Addr::from(address);
        internet.address("lo", address).unwrap();
        seen_by(server.at(address), &world.host).expect("the host reaches it");
        assert_refused(&instance, server.at(address));
    }
    let public = Ipv4Addr::new(192, 0, 2, 7);
    internet.address("lo", public).unwrap();
    assert_eq!(seen_by(server.at(public), &instance).unwrap(), HOST);
}

#[test]
fn an_instance_learns_at_once_that_a_metadata_address_is_out_of_reach() {
    let world = World::new();
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);
    let metadata = SocketAddr::from(([169, 254, 169, 254], 80));
    let refused = seen_by(metadata, &instance).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    let socket = instance.run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)));
    let socket = socket.unwrap().unwrap();
    socket.connect(metadata).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(30)))
        .unwrap();
    socket.send(b"who am I?").unwrap();
    let refused = socket.recv(&mut [0; 1]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::HostUnreachable);
}

#[test]
fn an_instance_has_no_ipv6_beyond_its_loopback() {
    let world = World::new();
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);
    for (namespace, link) in [
        (&instance, INSTANCE_LINK),
        (&world.host, &egress.name),
        (&egress.router, "i"),
    ] {
        let addresses = namespace
            .run(|| fs::read_to_string("/proc/thread-self/net/if_inet6"))
            .unwrap()
            .unwrap();
        assert!(
            !addresses.lines().any(|line| line.contains(&format!(" {link}"))),
            "{addresses}"
        );
    }
}

#[test]
fn containers_of_the_host_and_its_published_ports_are_out_of_reach() {
    let world = World::new();
    let ends = [Ipv4Addr::new(172, 17, 0, 2), Ipv4Addr::new(172, 17, 0, 3)];
    let container = namespace();
    join(&world.host, ("docker0", ends[0]), &container, ("eth0", ends[1]));
    RouteSocket::open_in(&container)
        .unwrap()
        .default_route(ends[0])
        .unwrap();
    let ends = [Ipv4Addr::new(10, 9, 9, 2), Ipv4Addr::new(10, 9, 9, 3)];
    let lan = namespace();
    join(&world.host, ("lan0", ends[0]), &lan, ("eth0", ends[1]));
    RouteSocket::open_in(&lan)
        .unwrap()
        .default_route(ends[0])
        .unwrap();
    program(&world.host, "nft add table ip published");
    program(
        &world.host,
        "nft add chain ip published p { type nat hook prerouting priority -100 ; }",
    );
    program(
        &world.host,
        "nft add rule ip published p ip daddr 203.0.113.0 tcp dport 8000 dnat to 10.9.9.3:80",
    );
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);

    let in_container = Server::start(&container, Ipv4Addr::new(172, 17, 0, 3), 80);
    seen_by(in_container.address, &world.host).expect("the host reaches its container");
    assert_refused(&instance, in_container.address);

    let in_lan = Server::start(&lan, Ipv4Addr::new(10, 9, 9, 3), 80);
    let published = SocketAddr::from((HOST, 8000));
    seen_by(published, &world.internet).expect("the port is published");
    seen_by(in_lan.address, &instance).expect("a network beside the host is no secret");
    assert_refused(&instance, published);
}

#[test]
fn a_host_with_docker_lets_instances_through_and_takes_the_rules_back() {
    let world = World::new();
    program(&world.host, "iptables -P FORWARD DROP");
    program(&world.host, "iptables -N DOCKER-USER");
    program(&world.host, "iptables -A FORWARD -j DOCKER-USER");
    let server = Server::start(&world.internet, INTERNET, 80);
    let mut egress = open(&world.host);
    let (instance, _) = instance(&egress);
    assert_eq!(seen_by(server.address, &instance).unwrap(), HOST);

    program(&world.host, "iptables -F DOCKER-USER");
    assert_refused(&instance, server.address);
    for _ in 0..2 {
        world.host.run(|| egress.assert_rules()).unwrap().unwrap();
    }
    assert_eq!(seen_by(server.address, &instance).unwrap(), HOST);

    let listed = program(&world.host, "iptables -S DOCKER-USER");
    assert_eq!(listed.matches("coracle+").count(), 2, "{listed}");
    assert!(listed.contains("-i coracle+"), "{listed}");
    assert!(listed.contains("-o coracle+"), "{listed}");

    let other = open(&world.host);
    world.host.run(|| egress.close()).unwrap().unwrap();
    assert!(
        program(&world.host, "iptables -S DOCKER-USER").contains("coracle+"),
        "another process needs them"
    );
    world.host.run(|| other.close()).unwrap().unwrap();
    assert!(!program(&world.host, "iptables -S DOCKER-USER").contains("coracle+"));
}

#[test]
fn a_host_that_drops_what_it_forwards_lets_instances_through() {
    let world = World::new();
    program(&world.host, "iptables -P FORWARD DROP");
    let server = Server::start(&world.internet, INTERNET, 80);
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);
    assert_eq!(seen_by(server.address, &instance).unwrap(), HOST);
    drop(egress);
    world.host.run(Egress::sweep).unwrap().unwrap();
}

#[test]
fn the_rules_are_what_nft_understands_them_to_be() {
    let world = World::new();
    let egress = open(&world.host);
    let on_host = program(&world.host, "nft list ruleset");
    for rule in [
        r#"iifname "coracle0" drop"#,
        r#"oifname "coracle0" ct state established,related accept"#,
        r#"oifname "coracle0" drop"#,
        r#"iifname "coracle0" meta nfproto ipv6 drop"#,
        r#"iifname "coracle0" ct status dnat drop"#,
        r#"iifname "coracle0" oifname "coracle*" drop"#,
        r#"iifname "coracle0" oifname "docker*" drop"#,
        r#"iifname "coracle0" masquerade"#,
    ] {
        assert!(
            on_host.lines().any(|line| line.trim() == rule),
            "{rule} is not in\n{on_host}"
        );
    }
    let in_router = program(&egress.router, "nft list ruleset");
    for rule in [
        "type filter hook input priority filter; policy drop;",
        "type filter hook forward priority filter; policy drop;",
        r#"iifname "i*" oifname "uplink" ip daddr 169.254.0.0/16 meta l4proto tcp reject with tcp reset"#,
        r#"iifname "i*" oifname "uplink" ip daddr 169.254.0.0/16 reject with icmp admin-prohibited"#,
        r#"iifname "i*" oifname "uplink" ip daddr 198.19.0.0/16 reject with icmp admin-prohibited"#,
        r#"iifname "i*" oifname "uplink" meta nfproto ipv4 accept"#,
        r#"iifname "uplink" ct state established,related accept"#,
        r#"oifname "uplink" masquerade"#,
    ] {
        assert!(
            in_router.lines().any(|line| line.trim() == rule),
            "{rule} is not in\n{in_router}"
        );
    }
}

#[test]
fn nobody_else_can_flush_the_hosts_rules() {
    let world = World::new();
    let server = Server::start(&world.host, HOST, 80);
    let egress = open(&world.host);
    let (instance, _) = instance(&egress);
    program(&world.host, "nft flush ruleset");
    assert!(has_table(&world.host, &egress.name));
    assert_refused(&instance, server.address);
}

#[test]
fn closing_leaves_nothing_on_the_host() {
    let world = World::new();
    let before = program(&world.host, "nft list ruleset");
    let egress = open(&world.host);
    let (_instance, _) = instance(&egress);
    assert_eq!(host_links(&world.host), ["coracle0"]);
    assert!(has_table(&world.host, "coracle0"));
    world.host.run(|| egress.close()).unwrap().unwrap();
    assert!(host_links(&world.host).is_empty());
    assert_eq!(program(&world.host, "nft list ruleset"), before);
}

#[test]
fn the_end_of_the_process_takes_links_and_rules_along() {
    let world = World::new();
    let egress = open(&world.host);
    let (_instance, _) = instance(&egress);
    let monitor = link_monitor(&world.host);
    // What the kernel does when a process is killed: it closes the descriptors, nothing else.
    drop(egress);
    assert!(!has_table(&world.host, "coracle0"));
    wait_for_deletion(&monitor, "coracle0");
    assert!(host_links(&world.host).is_empty());
}

#[test]
fn an_instance_is_attached_once() {
    let world = World::new();
    let egress = open(&world.host);
    let (first, _) = instance(&egress);
    assert!(egress.attach(&first).is_err());
    let (_second, _) = instance(&egress);
    assert_eq!(host_links(&world.host), ["coracle0"]);
}

#[test]
fn an_instance_whose_root_is_not_the_hosts_gets_a_way_out_too() {
    let world = World::new();
    let server = Server::start(&world.internet, INTERNET, 80);
    let egress = open(&world.host);
    let script = [
        "--user",
        "--map-root-user",
        "--net",
        "sh",
        "-c",
        "echo in; read end",
    ];
    let mut sandbox = Command::new("unshare")
        .args(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program `unshare`: `apt-get install util-linux`");
    let mut line = String::new();
    BufReader::new(sandbox.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(
        line, "in\n",
        "user namespaces need root, or the sysctl `kernel.unprivileged_userns_clone`"
    );
    let instance = Netns::of_process(sandbox.id()).unwrap();
    loopback_up(&instance).unwrap();
    egress.attach(&instance).unwrap();
    assert_eq!(seen_by(server.address, &instance).unwrap(), HOST);
    let resolver = instance
        .run(|| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 53), 53)))
        .unwrap();
    resolver.unwrap();
    drop(sandbox.stdin.take());
    sandbox.wait().unwrap();
}

#[test]
fn a_host_without_a_free_range_says_so() {
    let world = World::new();
    let config = EgressConfig {
        uplinks: vec!["203.0.113.0/24".parse().unwrap()],
        ..EgressConfig::default()
    };
    let error = world.host.run(|| Egress::open(&config)).unwrap().unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(host_links(&world.host).is_empty());
}

/// Opens a socket that hears of changes to links (`RTMGRP_LINK`).
fn link_monitor(namespace: &Netns) -> OwnedFd {
    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
    let open = || {
        socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
    };
    let monitor = namespace.run(open).unwrap().unwrap();
    bind(
        monitor.as_raw_fd(),
        &NetlinkAddr::new(0, libc::RTMGRP_LINK.cast_unsigned()),
    )
    .unwrap();
    setsockopt(&monitor, sockopt::ReceiveTimeout, &TimeVal::new(30, 0)).unwrap();
    monitor
}

fn wait_for_deletion(monitor: &OwnedFd, name: &str) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = recv(monitor.as_raw_fd(), &mut buffer, MsgFlags::empty()).expect("the link goes");
        let deleted = buffer[4..6] == libc::RTM_DELLINK.to_ne_bytes();
        if deleted
            && buffer[..length]
                .windows(name.len())
                .any(|part| part == name.as_bytes())
        {
            return;
        }
    }
}
