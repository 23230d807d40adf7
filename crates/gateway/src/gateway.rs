//! The way of a request: name it, find its function, admit it, pass it on, say what took how long.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use coracle_tasks::Tasks;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Body;
use hyper::upgrade::OnUpgrade;
use tokio::time::Instant;
use tower::util::{BoxCloneSyncService, ServiceExt};
use tower::{Service, service_fn};

use crate::answer::{self, Form};
use crate::exchange::Exchange;
use crate::headers;
use crate::inbound::{BoxError, Inbound, RequestBody};
use crate::notice::Notice;
use crate::outbound::Outbound;
use crate::peer::Peer;
use crate::record::{Open, Outcome, Record, Records};
use crate::refusal::Refusal;
use crate::request_id::RequestId;
use crate::revision::Revision;
use crate::route::{Forward, Found, Routes};
use crate::timing::Timing;

/// The service that answers what no function does.
type Inside = BoxCloneSyncService<Request<Inbound>, Response<Outbound>, Infallible>;

/// The data plane: takes requests, answers responses.
pub struct Gateway {
    routes: Arc<Routes>,
    inside: Inside,
    notice: Option<Arc<Notice>>,
    records: Arc<dyn Records>,
    tasks: Tasks,
}

impl Gateway {
    /// Makes a gateway over `routes` that tells `records` of every request, and answers 404 where no function does.
    ///
    /// Connections to instances and upgraded connections live in `tasks`: end that group after the listeners'.
    pub fn new(routes: Arc<Routes>, records: Arc<dyn Records>, tasks: Tasks) -> Self {
        Self {
            routes,
            inside: nothing_here(),
            notice: None,
            records,
            tasks,
        }
    }

    /// Hands what names no function to `service`, with the [`Peer`] as an extension of the request.
    #[must_use]
    pub fn with_service<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<Inbound>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.inside = BoxCloneSyncService::new(service.map_response(|response| response.map(Outbound::new)));
        self
    }

    /// Lets each answer, whoever makes it, carry what `notice` says at that moment.
    #[must_use]
    pub fn with_notice(mut self, notice: Arc<Notice>) -> Self {
        self.notice = Some(notice);
        self
    }

    /// Answers a request. Never fails: what goes wrong is a response too.
    ///
    /// Dropping the future, or the response's body before its end, means that the client has left.
    pub async fn handle(&self, request: Request<Inbound>, peer: Peer) -> Response<Outbound> {
        let mut response = self.answer(request, peer).await;
        if let Some(notice) = &self.notice {
            notice.dress(response.headers_mut());
        }
        response
    }

    async fn answer(&self, request: Request<Inbound>, peer: Peer) -> Response<Outbound> {
        let (head, body) = request.into_parts();
        let form = Form::of(&head.headers);
        let open = self.open(&head, peer);
        match self.sort(&head) {
            Ok(Sorted::Function(revision, forward)) => {
                self.call_function(
                    &revision,
                    Asked {
                        head,
                        body,
                        forward,
                        form,
                        open,
                    },
                )
                .await
            }
            Ok(Sorted::Inside) => self.call_inside(Request::from_parts(head, body), open).await,
            Err(refusal) => refuse(&refusal, form, open),
        }
    }

    fn open(&self, head: &Parts, peer: Peer) -> Open {
        let record = Record {
            id: RequestId::of(&head.headers),
            peer,
            method: head.method.clone(),
            uri: head.uri.clone(),
            revision: None,
            instance: None,
            status: None,
            outcome: Outcome::ClientLeft,
            timing: Timing::default(),
            total: std::time::Duration::ZERO,
            sent: 0,
            received: 0,
        };
        Open::new(&self.records, record)
    }

    fn sort(&self, head: &Parts) -> Result<Sorted, Refusal> {
        if head.method == Method::CONNECT {
            return Err(Refusal::Connect);
        }
        if !names_one_host(head) {
            return Err(Refusal::NoHost);
        }
        match self.routes.find(&head.uri, &head.headers) {
            Found::Function(target, forward) => {
                let revision = target.choose().ok_or(Refusal::Withdrawn)?;
                Ok(Sorted::Function(Arc::clone(revision), forward))
            }
            Found::Unknown(name) => Err(Refusal::UnknownFunction(name)),
            Found::Elsewhere => Ok(Sorted::Inside),
        }
    }

    async fn call_function(&self, revision: &Arc<Revision>, mut asked: Asked) -> Response<Outbound> {
        asked.open.record.revision = Some(revision.id().clone());
        let limits = revision.limits();
        if asked.body.size_hint().lower() > limits.request_body.bytes() {
            return refuse(&Refusal::TooLarge(limits.request_body), asked.form, asked.open);
        }
        let client = asked.head.extensions.remove::<OnUpgrade>();
        let (body, upload) = RequestBody::new(asked.body, limits);
        asked
            .open
            .forward(&mut asked.head, asked.forward, client.is_some());
        let mut request = Request::from_parts(asked.head, body);
        declare_length(&mut request);
        let exchange = Exchange {
            revision,
            tasks: &self.tasks,
            upload,
            client,
            open: asked.open,
        };
        match exchange.run(request).await {
            Ok(response) => response,
            Err((refusal, open)) => refuse(&refusal, asked.form, open),
        }
    }

    async fn call_inside(&self, mut request: Request<Inbound>, mut open: Open) -> Response<Outbound> {
        let began = Instant::now();
        request.extensions_mut().insert(open.record.peer);
        let Ok(mut response) = self.inside.clone().oneshot(request).await;
        open.record.timing.app = began.elapsed();
        open.record.status = Some(response.status());
        open.record.outcome = Outcome::Answered;
        open.dress(response.headers_mut());
        response
            .headers_mut()
            .insert(&answer::ORIGIN, HeaderValue::from_static(answer::PLATFORM));
        response
    }
}

/// A request for a function.
struct Asked {
    head: Parts,
    body: Inbound,
    forward: Forward,
    form: Form,
    open: Open,
}

enum Sorted {
    Function(Arc<Revision>, Forward),
    Inside,
}

impl Open {
    /// Makes the head of a request what an instance is to see.
    fn forward(&self, head: &mut Parts, forward: Forward, upgrades: bool) {
        let protocol = headers::upgrade_of(&head.headers).filter(|_| upgrades);
        headers::strip_hop_by_hop(&mut head.headers);
        headers::forward(&mut head.headers, head.uri.authority(), &self.record.peer);
        if let Some(protocol) = protocol {
            headers::set_upgrade(&mut head.headers, protocol);
        }
        head.headers
            .insert(&crate::request_id::REQUEST_ID, self.record.id.value());
        head.version = Version::HTTP_11;
        match forward {
            Forward::Path(path) => head.uri = Uri::from(path),
            Forward::AsIs if head.uri.authority().is_some() => head.uri = origin_form(&head.uri),
            Forward::AsIs => {}
        }
    }

    /// Says in a response's headers what is said in every one.
    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        headers.append(&crate::timing::SERVER_TIMING, self.record.timing.value());
        headers.insert(&crate::request_id::REQUEST_ID, self.record.id.value());
    }
}

/// A request names its host once (RFC 9112 §3.2); before HTTP/1.1 it need not.
fn names_one_host(head: &Parts) -> bool {
    match head.headers.get_all(HOST).iter().count() {
        0 => head.version < Version::HTTP_11 || head.uri.host().is_some(),
        count => count == 1,
    }
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from)
}

/// Says that a body's length is unknown, for a client that would leave out the body of a `GET`. A length that was
/// said beside that is a lie (RFC 9112 §6.3).
fn declare_length(request: &mut Request<RequestBody>) {
    let unknown = !request.body().is_end_stream() && request.body().size_hint().exact().is_none();
    if unknown {
        let headers = request.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

fn refuse(refusal: &Refusal, form: Form, mut open: Open) -> Response<Outbound> {
    let mut response = answer::refuse(refusal, form, &open.record.id);
    open.record.status = Some(refusal.status());
    open.record.outcome = Outcome::Refused(refusal.code());
    let headers = response.headers_mut();
    headers.append(&crate::timing::SERVER_TIMING, open.record.timing.value());
    headers.insert(&crate::request_id::REQUEST_ID, open.record.id.value());
    response
}

fn nothing_here() -> Inside {
    BoxCloneSyncService::new(service_fn(async |request: Request<Inbound>| {
        let id = RequestId::of(request.headers());
        Ok(answer::refuse(
            &Refusal::NothingHere,
            Form::of(request.headers()),
            &id,
        ))
    }))
}
