//! What users see, as golden files: help texts and the main error messages.

mod help;
mod messages;
mod program;
