//! What handlers of the Functions Framework are called with, in every language that has one.

/// What a handler is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// An HTTP request.
    Http,
    /// A CloudEvent.
    Cloud,
    /// A request's body, as a type of the author's.
    Typed,
}

impl Event {
    /// Answers the framework's word for it (Functions Framework contract, "Function types").
    pub(crate) fn signature(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Cloud => "cloudevent",
            Self::Typed => "typed",
        }
    }
}
