//! What the API does, through its client.

use bytes::Bytes;
use coracle_api::routes::repository;
use coracle_api::types::{LogQuery, RevisionStatus};
use coracle_api::{ClientError, Credentials};
use coracle_registry::Repository;
use coracle_spec::{Class, Failure as _, Namespace};
use coracle_testkit::Program;

use crate::world::{World, get, hello};

#[tokio::test]
async fn a_function_is_deployed_described_called_and_removed() {
    let world = World::running(Program::greeting("hi")).await;
    let client = world.local();
    let deployed = client.deploy(&hello(), &world.request()).await.unwrap();
    assert_eq!((deployed.revision, deployed.replaced), (1, None));
    assert_eq!(
        deployed.url,
        format!("http://{}/function/hello", world.server.address())
    );
    let listed = client.functions(None).await.unwrap();
    assert_eq!((listed.len(), listed[0].instances, listed[0].revision), (1, 1, 1));
    let detail = client.function(&hello()).await.unwrap();
    assert_eq!(
        (
            detail.instances.len(),
            detail.revision.as_ref().unwrap().reference.as_deref()
        ),
        (1, Some("hello:latest"))
    );
    assert_eq!(detail.events.last().unwrap().kind, "started");
    assert!(
        get(&world.remote(Credentials::None), "/function/hello/")
            .await
            .1
            .starts_with("hi from")
    );
    client.remove_function(&hello()).await.unwrap();
    assert_eq!(
        client.function(&hello()).await.unwrap_err().class(),
        Class::NotFound
    );
    assert_eq!(get(&client, "/function/hello").await.0, 404);
}

#[tokio::test]
async fn a_deploy_that_fails_says_why_with_the_last_lines() {
    let world = World::running(Program::failing(1, "Traceback\nSyntaxError: oops\n")).await;
    let client = world.local();
    let error = client.deploy(&hello(), &world.request()).await.unwrap_err();
    let ClientError::Problem(problem) = error else {
        panic!("{error}")
    };
    assert_eq!(problem.class(), Class::User);
    assert_eq!(
        problem.message,
        "`hello` revision 1 did not start: it exited with code 1"
    );
    assert_eq!(
        problem.causes,
        ["it printed last:\n  Traceback\n  SyntaxError: oops"]
    );
    let revisions = client.revisions(&hello()).await.unwrap();
    assert_eq!(
        (revisions[0].status, revisions[0].serving),
        (RevisionStatus::Failed, false)
    );
    assert!(client.functions(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_log_is_read_and_followed() {
    let world = World::running(Program::greeting("hi")).await;
    let client = world.local();
    client.deploy(&hello(), &world.request()).await.unwrap();
    let sandbox = world.sandboxes.running_now().pop().unwrap();
    let mut lines = client
        .logs(
            &hello(),
            &LogQuery {
                tail: 10,
                follow: true,
            },
        )
        .await
        .unwrap();
    sandbox.print("one\ntwo\n").await;
    assert_eq!(lines.next().await.unwrap().unwrap().text, "one");
    assert_eq!(lines.next().await.unwrap().unwrap().text, "two");
    let mut lines = client
        .logs(
            &hello(),
            &LogQuery {
                tail: 1,
                follow: false,
            },
        )
        .await
        .unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap().text, "two");
    assert!(lines.next().await.unwrap().is_none());
    let unknown = client
        .logs(&"nobody".parse().unwrap(), &LogQuery::default())
        .await;
    assert_eq!(unknown.unwrap_err().class(), Class::NotFound);
}

#[tokio::test]
async fn secrets_go_in_and_their_values_never_come_out() {
    let world = World::running(Program::greeting("hi")).await;
    let (client, namespace) = (world.local(), Namespace::default());
    client
        .set_secret(&namespace, "key", b"hunter2".to_vec())
        .await
        .unwrap();
    let listed = client.secrets(&namespace).await.unwrap();
    assert_eq!(
        listed
            .iter()
            .map(|secret| secret.name.as_str())
            .collect::<Vec<_>>(),
        ["key"]
    );
    let (_, body) = get(&client, "/api/v1/secrets/default").await;
    assert!(!body.contains("hunter2"));
    assert_eq!(get(&client, "/api/v1/secrets/default/key").await.0, 405);
    client.remove_secret(&namespace, "key").await.unwrap();
    assert!(client.secrets(&namespace).await.unwrap().is_empty());
    assert_eq!(
        client.remove_secret(&namespace, "key").await.unwrap_err().class(),
        Class::NotFound
    );
    assert_eq!(
        client
            .set_secret(&namespace, ".x", Vec::new())
            .await
            .unwrap_err()
            .class(),
        Class::User
    );
}

#[tokio::test]
async fn the_image_of_a_function_is_in_its_repository_until_the_function_is_removed() {
    let world = World::running(Program::greeting("hi")).await;
    let client = world.local();
    let repository = repository(&hello());
    assert_eq!(Repository::of_function(&hello()).as_str(), repository);
    let manifest = format!("/v2/{repository}/manifests/{}", world.image);
    assert_eq!(get(&client, &manifest).await.0, 404);
    client.deploy(&hello(), &world.request()).await.unwrap();
    assert_eq!(get(&client, &manifest).await.0, 200);
    client.remove_function(&hello()).await.unwrap();
    assert_eq!(get(&client, &manifest).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_with_a_reason() {
    let world = World::running(Program::greeting("hi")).await;
    let client = world.local();
    for (path, status) in [
        ("/api/v1/functions?nonsense=1", 400),
        ("/api/v1/functions/default/Not_A_Name", 400),
        ("/api/v1/functions/default/hello/logs?tail=x", 400),
        ("/api/v1/nothing", 404),
    ] {
        let (got, body) = get(&client, path).await;
        assert_eq!(got, status, "{path}: {body}");
        assert!(body.starts_with(r#"{"error":{"class":"#), "{path}: {body}");
    }
    let body = Bytes::from_static(br#"{"image": "sha256:xyz"}"#);
    let request = http::Request::post("/api/v1/functions/default/hello/revisions")
        .header("content-type", "application/json");
    assert_eq!(client.raw(request, body).await.unwrap().status(), 400);
}
