//! Who may do what.

use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harbour::{Harbour, get, get_as};

#[test]
fn the_api_answers_whoever_shows_the_password_and_the_socket_its_own_user() {
    let harbour = Harbour::open();
    let functions = format!("{}/api/v1/functions", harbour.server.url());
    let file = harbour.machine.data().join("auth/admin-password");
    let mode = fs_err::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let password = fs_err::read_to_string(&file).unwrap();
    let password = password.trim();
    assert!(
        !harbour.server.said().contains(password),
        "the password is printed"
    );

    let basic =
        |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    assert_eq!(get(&functions).0, 401);
    for (authorization, status) in [
        ("Basic".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        (format!("Bearer {password}x"), 401),
        (basic("admin", ""), 401),
        (basic("admin", "guess"), 401),
        (basic("ada", password), 401),
        (basic("admin", password), 200),
        (format!("Bearer {password}"), 200),
    ] {
        let (answered, body) = get_as(&functions, &authorization);
        assert_eq!(answered, status, "{authorization:?}: {body}");
    }
    assert_eq!(get(&format!("{}/healthz", harbour.server.url())).0, 200);
    assert_eq!(
        harbour.report(&["ls"]),
        serde_json::json!([]),
        "the socket asks nobody's password"
    );
    harbour.close();
}

#[test]
fn a_login_is_remembered_and_a_wrong_one_is_not() {
    let harbour = Harbour::open();
    let url = harbour.server.url();
    let password = harbour.machine.data().join("auth/admin-password");
    let wrong = harbour.machine.data().join("wrong");
    fs_err::write(&wrong, "guess\n").unwrap();

    let refused = harbour.run(&["login", url, "--password-file", wrong.to_str().unwrap()]);
    assert!(!refused.status.success());
    let refused = harbour.run(&["ls", "--server", url]);
    let talk = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && talk.contains("coracle login"),
        "{talk}"
    );

    harbour.succeed(&["login", url, "--password-file", password.to_str().unwrap()]);
    assert_eq!(harbour.report(&["ls", "--server", url]), serde_json::json!([]));
    // Without the socket of this machine, only the login can lead there.
    let elsewhere = tempfile::tempdir().unwrap();
    let listed = harbour.succeed(&["ls", "--json", "--data", elsewhere.path().to_str().unwrap()]);
    assert_eq!(listed.trim(), "[]");
    harbour.close();
}
