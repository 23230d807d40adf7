//! A gateway with one function, applications behind it, and what was asked and noted.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use coracle_gateway::{
    Capacity, DialError, Gateway, Inbound, InstanceId, Io, Limits, Outbound, Outcome, Peer, Record, Records,
    Revision, RevisionId, Routes, Table, Target, Upstream,
};
use coracle_tasks::Tasks;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::Notify;

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An application: what it does with each connection, and how many there were.
pub(crate) struct App {
    serve: Box<dyn Fn(DuplexStream, usize) -> Serving + Send + Sync>,
    connections: AtomicUsize,
    tasks: Tasks,
}

impl App {
    /// Does `serve` with each connection and its number, from 1.
    pub(crate) fn raw<F>(serve: impl Fn(DuplexStream, usize) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let serve = Box::new(move |io, number| Box::pin(serve(io, number)) as Serving);
        Arc::new(Self {
            serve,
            connections: AtomicUsize::new(0),
            tasks: Tasks::new(),
        })
    }

    /// Answers each request as `answer` does.
    pub(crate) fn http<F>(
        answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Arc<Self>
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::raw(move |io, _| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let answered = answer(request);
                    async move { Ok::<_, Infallible>(answered.await) }
                });
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(io), service)
                    .with_upgrades()
                    .await;
            }
        })
    }

    /// Answers each request with `text`.
    pub(crate) fn saying(text: &'static str) -> Arc<Self> {
        Self::http(move |_| async move { Response::new(whole(text)) })
    }

    /// Answers its only request with a body whose frames are sent by hand.
    pub(crate) fn by_hand() -> (Hand, Arc<Self>) {
        let (hand, frames) = by_hand();
        let frames = Arc::new(Mutex::new(Some(frames)));
        let app = Self::http(move |_| {
            let frames = frames.lock().unwrap().take().unwrap();
            async move { Response::new(frames.boxed_unsync()) }
        });
        (hand, app)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Upstream for App {
    async fn dial(&self) -> Result<Box<dyn Io>, DialError> {
        let (near, far) = tokio::io::duplex(64 << 10);
        let number = self.connections.fetch_add(1, Ordering::SeqCst) + 1;
        self.tasks.spawn("application", (self.serve)(far, number));
        Ok(Box::new(near))
    }
}

/// An application whose port nobody listens on.
pub(crate) struct Deaf;

#[async_trait]
impl Upstream for Deaf {
    async fn dial(&self) -> Result<Box<dyn Io>, DialError> {
        Err(DialError::NotListening {
            port: 8080,
            found: Some("it listens on 127.0.0.1:5000".to_owned()),
        })
    }
}

/// Notes what was asked for, and hands over an instance when it is told to.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) wanted: AtomicUsize,
    pub(crate) unreachable: Mutex<Vec<String>>,
    called: Notify,
}

impl Asked {
    pub(crate) fn count(&self) -> usize {
        self.wanted.load(Ordering::SeqCst)
    }

    /// Waits for the next wish.
    pub(crate) async fn called(&self) {
        self.called.notified().await;
    }
}

impl Capacity for Asked {
    fn wanted(&self, _: &RevisionId) {
        self.wanted.fetch_add(1, Ordering::SeqCst);
        self.called.notify_one();
    }

    fn unreachable(&self, _: &RevisionId, instance: &InstanceId, error: &DialError) {
        self.unreachable
            .lock()
            .unwrap()
            .push(format!("{instance}: {error}"));
    }
}

/// A response's status, how the request ended, and the bytes taken and passed on.
pub(crate) type Note = (Option<StatusCode>, Outcome, u64, u64);

/// Notes how requests ended.
#[derive(Default)]
pub(crate) struct Noted {
    outcomes: Mutex<Vec<Note>>,
    changed: Notify,
}

impl Noted {
    /// Waits until `count` requests are over.
    pub(crate) async fn ended(&self, count: usize) -> Vec<Note> {
        loop {
            let changed = self.changed.notified();
            let outcomes = self.outcomes.lock().unwrap().clone();
            if outcomes.len() >= count {
                return outcomes;
            }
            changed.await;
        }
    }
}

impl Records for Noted {
    fn record(&self, record: &Record) {
        let note = (record.status, record.outcome, record.received, record.sent);
        self.outcomes.lock().unwrap().push(note);
        self.changed.notify_one();
    }
}

/// A gateway with the function `hello`.
pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) revision: Arc<Revision>,
    pub(crate) asked: Arc<Asked>,
    pub(crate) noted: Arc<Noted>,
    pub(crate) tasks: Tasks,
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::with(limits, |gateway| gateway)
    }

    pub(crate) fn with(limits: Limits, dress: impl FnOnce(Gateway) -> Gateway) -> Self {
        let (tasks, asked, noted) = (
            Tasks::new(),
            Arc::new(Asked::default()),
            Arc::new(Noted::default()),
        );
        let group = tasks.group();
        let capacity = Arc::<Asked>::clone(&asked);
        let revision = Revision::new("hello-1".into(), limits, capacity, &group);
        let mut table = Table::new("localhost");
        table.insert(
            &"default".parse().unwrap(),
            "hello",
            Target::to(Arc::clone(&revision)),
        );
        let records = Arc::<Noted>::clone(&noted);
        let gateway = Arc::new(dress(Gateway::new(Routes::new(table), records, group)));
        Self {
            gateway,
            revision,
            asked,
            noted,
            tasks,
        }
    }

    /// A world whose function has one instance.
    pub(crate) fn of(app: &Arc<App>, limits: Limits) -> Self {
        let world = Self::new(limits);
        world.add("a", app);
        world
    }

    pub(crate) fn add(&self, id: &str, app: &Arc<App>) {
        self.revision.add(id.into(), Arc::<App>::clone(app));
    }

    /// Sends a request in the background.
    pub(crate) fn send(&self, request: Request<Inbound>) -> Pending {
        let gateway = Arc::clone(&self.gateway);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = self.tasks.spawn("client", async move {
            let _ = sender.send(gateway.handle(request, peer()).await);
        });
        Pending { task, receiver }
    }

    pub(crate) async fn answer(&self, request: Request<Inbound>) -> Response<Outbound> {
        self.gateway.handle(request, peer()).await
    }

    /// Answers the requests in flight on an instance.
    pub(crate) fn in_flight(&self, id: &str) -> u32 {
        let states = self.revision.observe().instances;
        states
            .iter()
            .find(|state| state.id.as_str() == id)
            .unwrap()
            .in_flight
    }

    /// Lets every task run until all of them wait.
    pub(crate) async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

/// A request on its way. Dropping it leaves the request alone; [`Pending::leave`] is a client that goes away.
pub(crate) struct Pending {
    task: coracle_tasks::Task,
    receiver: tokio::sync::oneshot::Receiver<Response<Outbound>>,
}

impl Pending {
    pub(crate) async fn response(self) -> Response<Outbound> {
        self.receiver.await.unwrap()
    }

    pub(crate) async fn leave(self) {
        self.task.abort();
        self.task.ended().await;
    }
}

fn peer() -> Peer {
    Peer::Tcp("203.0.113.9:1234".parse().unwrap())
}

pub(crate) fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed_unsync()
}

pub(crate) fn get(path: &str) -> Request<Inbound> {
    Request::get(path)
        .header("host", "hello.localhost")
        .body(Inbound::empty())
        .unwrap()
}

pub(crate) fn post(body: impl Into<Bytes>) -> Request<Inbound> {
    let body = Inbound::from(body.into());
    Request::post("/")
        .header("host", "hello.localhost")
        .body(body)
        .unwrap()
}

pub(crate) async fn text<B>(response: Response<B>) -> String
where
    B: http_body::Body<Error: std::fmt::Debug>,
{
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Answers the status and the code of a platform's answer in JSON.
pub(crate) async fn refusal(response: Response<Outbound>) -> (u16, String) {
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-coracle-error") && is_timed(response.headers()));
    let body: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

pub(crate) fn is_timed(headers: &HeaderMap) -> bool {
    let timing = headers
        .get_all("server-timing")
        .iter()
        .next_back()
        .unwrap()
        .to_str()
        .unwrap();
    ["queue;dur=", "start;dur=", "app;dur="]
        .iter()
        .all(|part| timing.contains(part))
}

/// Asks for errors in JSON.
pub(crate) fn json<T>(mut request: Request<T>) -> Request<T> {
    request
        .headers_mut()
        .insert("accept", "application/json".parse().unwrap());
    request
}

/// A body whose frames are sent by hand.
pub(crate) fn by_hand() -> (Hand, Frames) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    (Hand(sender), Frames(receiver))
}

pub(crate) struct Hand(tokio::sync::mpsc::UnboundedSender<Bytes>);

impl Hand {
    pub(crate) fn send(&self, bytes: &'static str) {
        let _ = self.0.send(bytes.into());
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

pub(crate) struct Frames(tokio::sync::mpsc::UnboundedReceiver<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}
