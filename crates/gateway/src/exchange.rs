//! One request and its response: admit, connect, send, and pass the answer on.
//!
//! A request is sent a second time only if nothing of its body was read, and either nothing of it was sent, or its
//! method is idempotent (RFC 9110 §9.2.2) and the connection was closed instead of an answer: over a new connection
//! where the old one had been unused, else once, on another instance where there is one, since this one may be dying.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use coracle_spec::Failure;
use coracle_tasks::Tasks;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::upgrade::OnUpgrade;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::deadline::Silence;
use crate::headers;
use crate::inbound::RequestBody;
use crate::outbound::Outbound;
use crate::record::Open;
use crate::refusal::Refusal;
use crate::relay::{Held, Relay};
use crate::revision::{Revision, Slot};
use crate::tunnel;
use crate::upload::Upload;

/// How many instances a request may find unreachable.
const ATTEMPTS: usize = 3;

/// One request on its way through.
pub(crate) struct Exchange<'a> {
    pub(crate) revision: &'a Arc<Revision>,
    pub(crate) tasks: &'a Tasks,
    pub(crate) upload: Option<Arc<Upload>>,
    /// The client's side of an upgrade, if it asked for one.
    pub(crate) client: Option<OnUpgrade>,
    pub(crate) open: Open,
}

type Sendable = Request<RequestBody>;

/// Why one attempt came to nothing.
enum Miss {
    /// The request is whole and can go elsewhere.
    Unsent(Box<Sendable>, Refusal),
    /// This is the end of it.
    Refused(Refusal),
}

/// An answer's head, and the connection that the rest comes over.
type Answered = (Response<Incoming>, Connection);

/// An answer's head, and what it holds.
struct Head {
    response: Response<Incoming>,
    connection: Connection,
    slot: Slot,
    placed: Instant,
}

impl Head {
    fn new((response, connection): Answered, slot: Slot, placed: Instant) -> Self {
        Self {
            response,
            connection,
            slot,
            placed,
        }
    }
}

impl Exchange<'_> {
    /// Sends `request` to an instance and answers its response, or what the platform answers instead.
    pub(crate) async fn run(mut self, request: Sendable) -> Result<Response<Outbound>, (Refusal, Open)> {
        match self.find_answer(request).await {
            Ok(head) if head.response.status() == StatusCode::SWITCHING_PROTOCOLS => self.switch(head),
            Ok(head) => Ok(self.pass_on(head)),
            Err(refusal) => Err((refusal, self.open)),
        }
    }

    async fn find_answer(&mut self, mut request: Sendable) -> Result<Head, Refusal> {
        let mut attempts = ATTEMPTS;
        let mut repeated = false;
        let mut admitted = self.revision.admit().await?;
        loop {
            self.open.record.timing.waited(admitted.wait);
            self.open.record.instance = Some(admitted.slot.instance().id.clone());
            attempts -= 1;
            let placed = Instant::now();
            let (unsent, refusal) = match self.attempt(&admitted.slot, request, placed).await {
                Ok(answered) => return Ok(Head::new(answered, admitted.slot, placed)),
                Err(Miss::Unsent(unsent, refusal)) => (unsent, refusal),
                Err(Miss::Refused(refusal)) => return Err(refusal),
            };
            let closed = matches!(refusal, Refusal::Closed);
            if attempts == 0 || (closed && repeated) {
                return Err(refusal);
            }
            repeated |= closed;
            request = *unsent;
            admitted = self.revision.admit_elsewhere(admitted.slot).await?;
        }
    }

    /// Sends to one instance: over an unused connection if there is one, and once more over a new one if that
    /// turns out to be closed.
    async fn attempt(&self, slot: &Slot, request: Sendable, placed: Instant) -> Result<Answered, Miss> {
        let connected = slot.instance().connect().await;
        let connection = self.reached(slot, connected);
        let reused = connection.as_ref().is_ok_and(|connection| connection.reused);
        match self.send(connection, request, placed).await {
            Err(Miss::Unsent(request, Refusal::Closed)) if reused => {
                slot.instance().pool.clear();
                let dialled = slot.instance().dial().await;
                self.send(self.reached(slot, dialled), *request, placed).await
            }
            outcome => outcome,
        }
    }

    fn reached(
        &self,
        slot: &Slot,
        connected: Result<Connection, crate::DialError>,
    ) -> Result<Connection, Refusal> {
        connected.map_err(|error| {
            self.revision.unreachable(&slot.instance().id, &error);
            Refusal::Unreachable {
                message: error.to_string(),
                hint: error.hint(),
            }
        })
    }

    async fn send(
        &self,
        connection: Result<Connection, Refusal>,
        request: Sendable,
        placed: Instant,
    ) -> Result<Answered, Miss> {
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(refusal) => return Err(Miss::Unsent(Box::new(request), refusal)),
        };
        let spare = self.spare(&request);
        let response = connection.sender.try_send_request(request);
        match self.in_time(response, placed).await.map_err(Miss::Refused)? {
            Ok(response) => Ok((response, connection)),
            Err(error) => Err(self.missed(error, spare)),
        }
    }

    /// Answers a copy of a request that may be sent twice.
    fn spare(&self, request: &Sendable) -> Option<Box<Sendable>> {
        let replayable = self.upload.is_none() && self.client.is_none() && request.method().is_idempotent();
        replayable.then(|| {
            let mut copy = Request::new(RequestBody::empty());
            request.method().clone_into(copy.method_mut());
            request.uri().clone_into(copy.uri_mut());
            request.headers().clone_into(copy.headers_mut());
            Box::new(copy)
        })
    }

    fn missed(&self, mut error: TrySendError<Sendable>, spare: Option<Box<Sendable>>) -> Miss {
        let unsent = error.take_message().map(Box::new);
        let error = error.into_error();
        tracing::debug!(%error, revision = %self.revision.id(), "no answer");
        if error.is_parse() {
            return Miss::Refused(Refusal::Invalid(error.to_string()));
        }
        match unsent.or(spare) {
            Some(request) => Miss::Unsent(request, Refusal::Closed),
            None => Miss::Refused(self.upload_refusal().unwrap_or(Refusal::Closed)),
        }
    }

    fn upload_refusal(&self) -> Option<Refusal> {
        let limits = self.revision.limits();
        Refusal::of_upload(self.upload.as_ref()?.fate(), limits.request_body, limits.idle)
    }

    /// Waits for a response's head. The time for its first byte runs from when the request last moved, and stands
    /// still while the client lets everybody wait for the body.
    async fn in_time<T>(&self, response: impl Future<Output = T>, placed: Instant) -> Result<T, Refusal> {
        let limits = self.revision.limits();
        let end = placed + limits.request;
        let mut response = pin!(response);
        let mut deadline = Instant::now() + limits.first_byte;
        loop {
            if let Ok(answer) = timeout_at(deadline.min(end), &mut response).await {
                return Ok(answer);
            }
            if end <= deadline {
                return Err(Refusal::TimedOut(limits.request));
            }
            deadline = self
                .extended(deadline)
                .ok_or(Refusal::FirstByte(limits.first_byte))?;
        }
    }

    fn extended(&self, deadline: Instant) -> Option<Instant> {
        let (limits, upload) = (self.revision.limits(), self.upload.as_ref()?);
        let moved = upload.last_progress() + limits.first_byte;
        let later = if upload.is_starved() {
            Instant::now() + limits.idle
        } else {
            moved
        };
        (later > deadline).then_some(later)
    }

    fn pass_on(mut self, head: Head) -> Response<Outbound> {
        self.note(&head);
        let (mut parts, incoming) = head.response.into_parts();
        headers::strip_answer(&mut parts.headers);
        if incoming.size_hint().exact().is_none() {
            parts.headers.remove(CONTENT_LENGTH);
        }
        self.open.dress(&mut parts.headers);
        let limits = self.revision.limits();
        let silence = Silence::new(limits.idle).until(head.placed + limits.request);
        let rest = Held {
            connection: head.connection,
            slot: head.slot,
            upload: self.upload,
            open: self.open,
        };
        let relay = Relay::new(incoming, Box::new(rest), silence);
        let mut response = Response::new(Outbound::from(relay));
        *response.status_mut() = parts.status;
        *response.headers_mut() = parts.headers;
        response
    }

    fn switch(mut self, mut head: Head) -> Result<Response<Outbound>, (Refusal, Open)> {
        self.note(&head);
        let Some(client) = self.client else {
            return Err((
                Refusal::Invalid("an upgrade that nobody asked for".to_owned()),
                self.open,
            ));
        };
        let upstream = hyper::upgrade::on(&mut head.response);
        let mut response = Response::new(Outbound::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let protocol = headers::upgrade_of(head.response.headers());
        std::mem::swap(response.headers_mut(), head.response.headers_mut());
        headers::strip_answer(response.headers_mut());
        if let Some(protocol) = protocol {
            headers::set_upgrade(response.headers_mut(), protocol);
        }
        self.open.dress(response.headers_mut());
        let rest = Held {
            connection: head.connection,
            slot: head.slot,
            upload: self.upload,
            open: self.open,
        };
        let tunnel = tunnel::run(client, upstream, self.revision.limits().idle, rest);
        self.tasks.spawn("upgraded connection", tunnel);
        Ok(response)
    }

    fn note(&mut self, head: &Head) {
        self.open.record.timing.app = head.placed.elapsed();
        self.open.record.status = Some(head.response.status());
    }
}
