//! The same folder gives the same image, wherever it lies and whoever builds it.

use serde_json::Value;

use crate::machine::{Machine, copy_of};

/// Builds a copy of the example on the machine; `change` may edit the copy first. Answers the report.
fn built(machine: &Machine, example: &str, change: impl FnOnce(&std::path::Path)) -> Value {
    let copy = copy_of(example);
    let folder = copy.path().join(example);
    change(&folder);
    let report = machine.succeed(&["build", folder.to_str().unwrap(), "--json", "--quiet"]);
    serde_json::from_str(&report).unwrap()
}

fn is_the_same_everywhere(example: &str) {
    let once = built(&Machine::empty(), example, |_| {});
    let again = built(&Machine::empty(), example, |_| {});
    assert_eq!(once["layers"], again["layers"]);
    assert_eq!(once["digest"], again["digest"]);
}

#[test]
fn a_python_folder_gives_one_image_from_two_paths_and_two_empty_data_directories() {
    is_the_same_everywhere("hello-python");
}

#[test]
fn a_node_folder_gives_one_image_from_two_paths_and_two_empty_data_directories() {
    is_the_same_everywhere("hello-node");
}

#[test]
fn bytecode_that_was_kept_gives_the_layer_that_compiling_gave() {
    let machine = Machine::empty();
    let compiled = built(&machine, "flask-app", |_| {});
    let kept = built(&machine, "flask-app", |folder| {
        let path = folder.join("requirements.txt");
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(path, format!("{text}# installed again\n")).unwrap();
    });
    assert!(machine.data().join("store/caches/bytecode").is_dir());
    assert_eq!(changed(&compiled, &kept), ["copy the application"]);
}

/// Answers the steps whose layers differ between two reports.
fn changed<'a>(before: &'a Value, after: &'a Value) -> Vec<&'a str> {
    let layers = |report: &'a Value| report["layers"].as_array().unwrap();
    assert_eq!(layers(before).len(), layers(after).len());
    let pairs = layers(before).iter().zip(layers(after));
    let changed = pairs.filter(|(before, after)| before["digest"] != after["digest"]);
    changed
        .map(|(_, after)| after["step"].as_str().unwrap())
        .collect()
}

#[test]
fn a_line_of_code_rewrites_only_the_layer_of_the_application() {
    let machine = Machine::shared();
    for (example, file) in [("hello-python", "main.py"), ("hello-node", "index.js")] {
        let before = built(&machine, example, |_| {});
        let after = built(&machine, example, |folder| {
            let path = folder.join(file);
            let text = fs_err::read_to_string(&path).unwrap();
            fs_err::write(path, format!("{text}\n")).unwrap();
        });
        assert_eq!(changed(&before, &after), ["copy the application"], "{example}");
    }
}
