//! Counts requests: from their first byte to their answer's last one, or to when the client has left.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::metrics::{BuilderMetrics, InFlight};

/// Counts a request.
pub(super) async fn measured(
    State(metrics): State<Arc<BuilderMetrics>>,
    request: Request,
    next: Next,
) -> Response {
    let mut in_flight = InFlight::of(metrics, request.method());
    let response = next.run(request).await;
    in_flight.answered(response.status());
    response.map(|inner| {
        Body::new(Measured {
            inner,
            _in_flight: in_flight,
        })
    })
}

/// A body that is counted until its end.
struct Measured {
    inner: Body,
    _in_flight: InFlight,
}

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
