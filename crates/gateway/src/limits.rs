//! The bounds of a revision's requests. Every wait in the data plane has its name here.

use std::num::NonZeroU32;
use std::time::Duration;

use coracle_spec::ByteSize;

/// The bounds of one revision's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests that one instance serves at once.
    pub concurrency: NonZeroU32,
    /// Requests that may wait for a place.
    pub queue_length: usize,
    /// How long a request waits for a place, a cold start included.
    pub queue_wait: Duration,
    /// The largest request body.
    pub request_body: ByteSize,
    /// From the last byte of the request body that the instance took to the head of its response.
    pub first_byte: Duration,
    /// From the place to the last byte of the response. Upgraded connections are exempt.
    pub request: Duration,
    /// The longest silence inside a body or an upgraded connection.
    pub idle: Duration,
    /// How long an unused connection to an instance is kept. Shorter than what servers do by default (5 s in
    /// Node and uvicorn), since a server that closes first may take a request with it.
    pub keep_connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const CONCURRENCY: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");
        Self {
            concurrency: CONCURRENCY,
            queue_length: 1000,
            queue_wait: Duration::from_secs(30),
            request_body: ByteSize::mebibytes(100),
            first_byte: Duration::from_secs(30),
            request: Duration::from_mins(1),
            idle: Duration::from_mins(1),
            keep_connection: Duration::from_secs(4),
        }
    }
}
