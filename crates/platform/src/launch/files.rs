//! The small files that an instance finds in its root file system.

use std::path::PathBuf;

use coracle_sandbox::PlacedFile;
use coracle_spec::FunctionId;

use super::Secret;

/// Where instances find their secrets: the usual place of containers, and that of OpenFaaS.
const SECRET_FOLDERS: [&str; 2] = ["/run/secrets", "/var/openfaas/secrets"];

/// Answers the files of an instance.
pub(super) fn placed(function: &FunctionId, secrets: &[Secret]) -> Vec<PlacedFile> {
    let mut files = vec![
        public("/etc/hosts", hosts(function)),
        public("/etc/hostname", format!("{}\n", function.name)),
    ];
    files.extend(
        SECRET_FOLDERS
            .iter()
            .flat_map(|folder| secrets.iter().map(|secret| private(folder, secret))),
    );
    files
}

fn hosts(function: &FunctionId) -> String {
    format!(
        "127.0.0.1\tlocalhost {0}\n::1\tlocalhost ip6-localhost ip6-loopback\n",
        function.name
    )
}

fn public(path: &str, text: String) -> PlacedFile {
    PlacedFile {
        path: path.into(),
        mode: 0o444,
        owner: None,
        contents: text.into_bytes(),
    }
}

fn private(folder: &str, (name, value): &Secret) -> PlacedFile {
    PlacedFile {
        path: PathBuf::from(folder).join(name),
        mode: 0o400,
        owner: None,
        contents: value.clone(),
    }
}
