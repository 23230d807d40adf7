//! What runs in a fake sandbox.

use std::sync::Arc;

use bytes::Bytes;
use coracle_sandbox::{Exit, SandboxSpec};
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::sandbox::FakeSandbox;

/// What a handler answers.
pub type Reply = Response<Full<Bytes>>;

/// Answers the requests that a fake sandbox gets.
pub type Handler =
    Arc<dyn Fn(Arc<FakeSandbox>, Request<Incoming>) -> BoxFuture<'static, Reply> + Send + Sync>;

/// What a program prints before it does anything else.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// On standard output.
    pub stdout: String,
    /// On standard error.
    pub stderr: String,
}

/// What runs in a fake sandbox.
#[derive(Clone)]
pub enum Program {
    /// Listens on `port`, or on the one in `PORT`, and answers.
    Serve {
        /// Where to listen, if not where `PORT` says.
        port: Option<u16>,
        /// What to print first.
        said: Said,
        /// What to answer.
        handler: Handler,
    },
    /// Prints and ends.
    End {
        /// What to print.
        said: Said,
        /// How to end.
        exit: Exit,
    },
    /// Runs, but listens nowhere.
    Idle {
        /// What to print.
        said: Said,
    },
}

impl Program {
    /// Answers every request with `text` and the name of the sandbox, as in `v1 from hello-1.x`.
    pub fn greeting(text: &str) -> Self {
        let text = text.to_owned();
        Self::serving(move |sandbox, _| {
            let body = format!("{text} from {}", coracle_sandbox::Sandbox::id(&*sandbox));
            Box::pin(async move { answering(200, body) })
        })
    }

    /// Answers every request through `handler`.
    pub fn serving(
        handler: impl Fn(Arc<FakeSandbox>, Request<Incoming>) -> BoxFuture<'static, Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::Serve {
            port: None,
            said: Said::default(),
            handler: Arc::new(handler),
        }
    }

    /// Answers everything with 200, but on another port than it is told to.
    pub fn listening_on(port: u16) -> Self {
        Self::Serve {
            port: Some(port),
            said: Said::default(),
            handler: Arc::new(|_, _| Box::pin(async { answering(200, "elsewhere") })),
        }
    }

    /// Prints `stderr` and exits with `code`.
    pub fn failing(code: i32, stderr: &str) -> Self {
        Self::End {
            said: Said {
                stderr: stderr.to_owned(),
                ..Said::default()
            },
            exit: Exit::Code(code),
        }
    }
}

/// Answers a reply.
pub fn answering(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    reply
}

/// Decides what runs in a sandbox, by its specification.
pub(crate) type Choose = Arc<dyn Fn(&SandboxSpec) -> Program + Send + Sync>;
