//! The users and groups of a root file system that a step works on.

use std::io::{self, Read as _};
use std::path::Path;

use coracle_oci::{Accounts, LARGEST_ACCOUNTS};

use crate::files::{Root, resolve};

/// Reads the users and groups of `root`. A file that is not there names nobody.
pub(crate) fn accounts(root: &Root) -> io::Result<Accounts> {
    Ok(Accounts {
        passwd: read(root, "etc/passwd")?,
        group: read(root, "etc/group")?,
    })
}

fn read(root: &Root, path: &str) -> io::Result<String> {
    let file = match root.read(&resolve(root, Path::new(path))?) {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(String::new());
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_ACCOUNTS).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
