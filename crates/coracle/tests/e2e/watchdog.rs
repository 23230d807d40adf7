//! Images whose first program leads requests to another one, as those of OpenFaaS' templates: they serve when both do.

use crate::foreign::busybox;
use crate::harbour::{Harbour, get};

/// The first program listens at once, the other one after a second; there is nobody to lead requests but a script.
const DOCKERFILE: &str = r#"FROM scratch
COPY busybox /bin/busybox
COPY --chmod=755 ask /www/cgi-bin/ask
COPY answer /behind/index.html
ENV mode=http fprocess="sh -c start" upstream_url=http://127.0.0.1:3000
EXPOSE 8080
CMD ["/bin/busybox", "sh", "-c", "\
    (/bin/busybox sleep 1; exec /bin/busybox httpd -f -p 127.0.0.1:3000 -h /behind) & \
    exec /bin/busybox httpd -f -p 8080 -h /www"]
"#;

const ASK: &str = r#"#!/bin/busybox sh
echo "Content-Type: application/json"
echo
exec /bin/busybox wget -q -O - http://127.0.0.1:3000/
"#;

#[test]
fn the_first_request_to_a_program_behind_a_watchdog_is_answered() {
    let harbour = Harbour::open();
    let folder = tempfile::tempdir().unwrap();
    fs_err::copy(busybox(), folder.path().join("busybox")).unwrap();
    for (name, text) in [
        ("coracle.yaml", "name: guarded\n"),
        ("Dockerfile", DOCKERFILE),
        ("ask", ASK),
        ("answer", "\"ahoy\"\n"),
    ] {
        fs_err::write(folder.path().join(name), text).unwrap();
    }
    harbour.succeed(&["deploy", folder.path().to_str().unwrap()]);
    let (status, body) = get(&format!("{}/function/guarded/cgi-bin/ask", harbour.server.url()));
    assert_eq!((status, body), (200, "ahoy".into()));
}
