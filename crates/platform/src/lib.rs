//! The use cases: deploy, revisions, instances, logs, reconciliation.
