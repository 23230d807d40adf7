//! Named, cancellable background tasks and the order in which they end.
