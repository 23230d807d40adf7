//! Settings under `/proc/sys/net`, which show the namespace of the thread that opens them (ip-sysctl).

use std::io;
use std::path::Path;

use fs_err as fs;

use super::EgressError;
use crate::namespace::Netns;

const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

/// Makes the namespace of the calling thread pass packets on, refuse forged sources and know no IPv6.
pub(super) fn make_router() -> Result<(), EgressError> {
    forward()?;
    write(Path::new("/proc/sys/net/ipv4/conf/all/rp_filter"), "1")?;
    for scope in ["all", "default"] {
        disable_ipv6(scope)?;
    }
    Ok(())
}

/// Switches forwarding on, if it is not.
pub(super) fn forward() -> Result<(), EgressError> {
    let path = Path::new(FORWARD);
    let on = fs::read_to_string(path).is_ok_and(|value| value.trim() == "1");
    if on { Ok(()) } else { write(path, "1") }
}

/// Keeps forged sources and IPv6 off the host's link to the router.
pub(super) fn host_link(name: &str) -> Result<(), EgressError> {
    write(
        Path::new(&format!("/proc/sys/net/ipv4/conf/{name}/rp_filter")),
        "1",
    )?;
    disable_ipv6(name)
}

/// Takes IPv6 off one link of `namespace`: not even a link-local address is left. The loopback keeps `::1`.
pub(super) fn without_ipv6(namespace: &Netns, link: &str) -> Result<(), EgressError> {
    namespace.run(|| disable_ipv6(link))?
}

fn disable_ipv6(scope: &str) -> Result<(), EgressError> {
    match write(
        Path::new(&format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")),
        "1",
    ) {
        // The kernel has no IPv6 at all.
        Err(EgressError::Setting { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write(path: &Path, value: &'static str) -> Result<(), EgressError> {
    fs::write(path, value).map_err(|source| EgressError::Setting {
        path: path.to_owned(),
        value,
        source,
    })
}
