use std::path::Path;

use crate::folder::{on_disk, planned, readable};

/// A snapshot for each folder of `examples/`: a plan that changes is seen in review. What a Dockerfile becomes hangs on
/// images of registries, and has tests of its own.
#[test]
fn every_example_has_the_plan_of_its_snapshot() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut count = 0;
    for entry in fs_err::read_dir(&examples).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_dir() || entry.path().join("Dockerfile").exists() {
            continue;
        }
        let name = entry.file_name().into_string().unwrap();
        let plan = planned(&on_disk(&entry.path()), &name).unwrap();
        insta::assert_json_snapshot!(name, readable(&plan));
        count += 1;
    }
    assert!(count >= 8, "only {count} examples in {}", examples.display());
}
