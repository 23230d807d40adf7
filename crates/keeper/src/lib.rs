//! The keeper process: sandboxes, control groups, mounts and the process that is first in each sandbox.
