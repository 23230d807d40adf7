//! Whom clients believe: the authorities of `SSL_CERT_FILE`, else the host's, else those built in.

use std::path::Path;

use coracle_api::client::Trust;

use super::{Environment, variables};

/// Where distributions keep the certificate authorities that they trust, beneath `/etc`.
pub(super) const SYSTEM_BUNDLE: &str = "ssl/certs/ca-certificates.crt";

/// Answers whom the environment and the host say to believe.
pub(super) fn read(environment: &Environment, etc: &Path) -> Trust {
    let system = || Some(etc.join(SYSTEM_BUNDLE)).filter(|bundle| bundle.is_file());
    let bundle = environment.path(variables::CA_BUNDLE).or_else(system);
    bundle.map_or_else(Trust::built_in, Trust::bundle)
}
