//! Fake sandboxes that are probed.

use coracle_sandbox::{Limits, Network, Process, Profile, SandboxSpec, Sandboxes, Upper};
use coracle_spec::{ByteSize, Span};
use coracle_testkit::{FakeSandboxes, Program, Said, answering};

use super::*;

/// Answers whether an unused connection is left.
async fn probed(program: Program, path: Option<&str>) -> Result<bool, NotReady> {
    let sandbox = FakeSandboxes::running(program).create(spec()).await.unwrap();
    sandbox.start().await.unwrap();
    let grace = Span(Duration::from_millis(300));
    let health = Health {
        path: path.map(str::to_owned),
        grace,
        ..Health::default()
    };
    let unused = Probe {
        port: 8080,
        behind: None,
        health,
    }
    .wait(&sandbox)
    .await;
    unused.map(|stream| stream.is_some())
}

fn spec() -> SandboxSpec {
    SandboxSpec {
        id: "probed".parse().unwrap(),
        profile: Profile::Run,
        lowers: Vec::new(),
        upper: Upper::Tmpfs {
            size: ByteSize::mebibytes(1),
        },
        mounts: Vec::new(),
        files: Vec::new(),
        directories: Vec::new(),
        made: Vec::new(),
        process: Process {
            env: [("PORT".to_owned(), "8080".to_owned())].into(),
            ..Process::default()
        },
        limits: Limits {
            memory: None,
            cpu: None,
            pids: 10,
        },
        network: Network::None,
        hostname: "probed".to_owned(),
    }
}

#[tokio::test]
async fn a_port_that_accepts_is_ready_and_the_connection_is_left() {
    assert_eq!(probed(Program::greeting("hi"), None).await, Ok(true));
}

#[tokio::test]
async fn a_health_path_decides_when_there_is_one() {
    let program = Program::serving(|_, request| {
        let status = if request.uri().path() == "/healthz" {
            204
        } else {
            404
        };
        Box::pin(async move { answering(status, "") })
    });
    assert_eq!(probed(program.clone(), Some("/healthz")).await, Ok(false));
    let Err(NotReady::Unhealthy { last, .. }) = probed(program, Some("/other")).await else {
        panic!("a path that answers 404 counts as ready");
    };
    assert_eq!(last, "status 404");
}

#[tokio::test]
async fn a_program_that_listens_elsewhere_is_told_where() {
    let Err(NotReady::NoListener {
        port: 8080, instead, ..
    }) = probed(Program::listening_on(3000), None).await
    else {
        panic!("another port counts as ready");
    };
    assert_eq!(instead, [3000]);
}

#[tokio::test]
async fn a_program_behind_the_one_that_listens_is_waited_for() {
    let sandbox = FakeSandboxes::running(Program::greeting("hi"))
        .create(spec())
        .await
        .unwrap();
    sandbox.start().await.unwrap();
    let probe = |behind| Probe {
        port: 8080,
        behind: Some(behind),
        health: Health {
            grace: Span(Duration::from_millis(300)),
            ..Health::default()
        },
    };
    assert!(probe(8080).wait(&sandbox).await.unwrap().is_some());
    let outcome = probe(3000).wait(&sandbox).await;
    assert!(
        matches!(outcome, Err(NotReady::NobodyBehind { port: 3000, .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_program_that_ends_is_not_waited_for() {
    let health = Health {
        grace: Span::seconds(3600),
        ..Health::default()
    };
    let sandbox = FakeSandboxes::running(Program::failing(3, "boom"))
        .create(spec())
        .await
        .unwrap();
    sandbox.start().await.unwrap();
    let probe = Probe {
        port: 8080,
        behind: None,
        health,
    };
    let outcome = probe.wait(&sandbox).await;
    assert_eq!(outcome.unwrap_err(), NotReady::Exited(Exit::Code(3)));
}

#[tokio::test]
async fn a_program_that_listens_nowhere_uses_up_its_grace() {
    let outcome = probed(
        Program::Idle {
            said: Said::default(),
        },
        None,
    )
    .await;
    assert!(matches!(outcome, Err(NotReady::NoListener { instead, .. }) if instead.is_empty()));
}
