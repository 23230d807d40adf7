//! A whole archive in memory: what comes out of it, and what happens when it lies.

mod bases;
mod lies;
mod locks;
mod world;

#[path = "../support/fake.rs"]
mod fake;
#[path = "../../../fetch/tests/fetch/support.rs"]
#[expect(
    dead_code,
    reason = "written for the tests of downloads, which need more of it"
)]
mod server;
#[path = "../support/signer.rs"]
#[expect(
    dead_code,
    reason = "written for the tests of signatures, which need more of it"
)]
mod signer;
