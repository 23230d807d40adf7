//! One function for one command.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use coracle_api::{Client, Credentials};
use coracle_content::Store;
use coracle_gateway::{DEV_ERROR, Inbound};
use coracle_platform::Deploy;
use coracle_server::{Ephemeral, EphemeralConfig, Trouble};
use coracle_spec::{Deployable, Digest, RevisionConfig};
use coracle_testkit::{FakeSandboxes, Program};
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use crate::world::{get, hello, image};

struct World {
    ephemeral: Ephemeral,
    sandboxes: FakeSandboxes,
    image: Digest,
    folder: TempDir,
}

async fn world(listen: Option<SocketAddr>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let image = image(&store);
    let sandboxes = FakeSandboxes::running(Program::greeting("hi"));
    let config = EphemeralConfig {
        function: hello(),
        listen,
        environment: BTreeMap::new(),
        shutdown_grace: Duration::from_secs(5),
    };
    let ephemeral = Ephemeral::start(config, store, Arc::new(sandboxes.clone()))
        .await
        .unwrap();
    World {
        ephemeral,
        sandboxes,
        image,
        folder,
    }
}

fn deploy(image: Digest) -> Deploy {
    Deploy {
        function: hello(),
        image: Deployable::Stored(image),
        reference: None,
        config: RevisionConfig::default(),
    }
}

#[tokio::test]
async fn one_call_needs_no_port() {
    let World {
        ephemeral,
        sandboxes,
        image,
        folder: _folder,
    } = world(None).await;
    ephemeral.deploy(deploy(image)).await.unwrap();
    let request = http::Request::get("/?name=ada")
        .header("host", "localhost")
        .body(Inbound::empty())
        .unwrap();
    let response = ephemeral.call(request).await;
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"hi from hello-1-"));
    assert_eq!(ephemeral.address(), None);
    ephemeral.shutdown().await;
    assert!(sandboxes.created()[0].is_removed());
}

#[tokio::test]
async fn the_function_is_at_the_root_of_the_next_free_port() {
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let World {
        ephemeral,
        image,
        folder: _folder,
        ..
    } = world(Some(taken.local_addr().unwrap())).await;
    let deployed = ephemeral.deploy(deploy(image)).await.unwrap();
    ephemeral.open();
    let address = ephemeral.address().unwrap();
    assert!(address.port() > taken.local_addr().unwrap().port());
    assert_eq!(deployed.url, format!("http://{address}/"));
    let client = Client::new(format!("http://{address}").parse().unwrap(), Credentials::None);
    for path in ["/", "/a/b", "/api/v1/functions", "/healthz"] {
        assert!(get(&client, path).await.1.starts_with("hi from"), "{path}");
    }
    ephemeral.shutdown().await;
}

#[tokio::test]
async fn what_the_function_prints_is_followed_from_its_start() {
    let World {
        ephemeral,
        sandboxes,
        image,
        folder: _folder,
    } = world(None).await;
    let mut live = ephemeral.follow().await.unwrap();
    ephemeral.deploy(deploy(image)).await.unwrap();
    sandboxes.running_now()[0].print("hello\n").await;
    let lines = live.next().await.unwrap().unwrap();
    assert_eq!(lines[0].text, "hello");
}

#[tokio::test]
async fn trouble_is_the_answer_while_no_version_works_and_a_header_once_one_does() {
    let World {
        ephemeral,
        image,
        folder: _folder,
        ..
    } = world(None).await;
    let ask = async |accept: &'static str| {
        let request = http::Request::get("/any").header("host", "localhost");
        let request = request.header("accept", accept).body(Inbound::empty()).unwrap();
        let response = ephemeral.call(request).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let said = headers
            .get(&DEV_ERROR)
            .map(|value| value.to_str().unwrap().to_owned());
        (status, said, String::from_utf8(body.to_vec()).unwrap())
    };
    let summary = "cannot plan the build".to_owned();
    let trouble = Trouble {
        report: format!("error: {summary}\n  hint: <mend> it"),
        summary: summary.clone(),
    };
    ephemeral.tell(Some(&trouble));
    let report = format!("{}\n", trouble.report);
    assert_eq!(ask("*/*").await, (503, Some(summary.clone()), report));
    let (status, _, page) = ask("text/html,*/*").await;
    assert!(
        status == 503 && page.contains("&lt;mend&gt;") && page.contains("http-equiv=\"refresh\""),
        "{page}"
    );
    ephemeral.deploy(deploy(image)).await.unwrap();
    let (status, said, body) = ask("text/html").await;
    assert_eq!((status, said), (200, Some(summary)));
    assert!(body.starts_with("hi from"), "{body}");
    ephemeral.tell(None);
    assert_eq!(ask("*/*").await.1, None);
    ephemeral.shutdown().await;
}
