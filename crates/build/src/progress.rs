//! What a build tells while it runs: as it is told elsewhere too.

pub use coracle_plan::progress::{Event, Observer, Silent};
