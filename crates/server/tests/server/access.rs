//! Who may do what.

use bytes::Bytes;
use coracle_api::routes::ROUTES;
use coracle_api::{ClientError, Credentials};
use coracle_spec::{Class, Failure as _};
use coracle_testkit::Program;
use http::Request;

use crate::world::{World, get};

#[tokio::test]
async fn no_route_of_the_control_api_answers_without_credentials() {
    let world = World::running(Program::greeting("hi")).await;
    for credentials in [
        Credentials::None,
        Credentials::admin("wrong"),
        Credentials::Bearer("wrong".to_owned()),
    ] {
        let client = world.remote(credentials.clone());
        for route in ROUTES {
            let path = route
                .path
                .replace("{namespace}", "default")
                .replace("{name}", "hello")
                .replace("{digest}", &world.image.to_string());
            let request = Request::builder().method(route.method.clone()).uri(&path);
            let response = client.raw(request, Bytes::new()).await.unwrap();
            assert_eq!(
                response.status(),
                401,
                "{} {path} with {credentials:?}",
                route.method
            );
        }
        for path in ["/api/v1/none", "/api/", "/api/v2/functions"] {
            assert_eq!(get(&client, path).await.0, 401, "{path}");
        }
    }
}

#[tokio::test]
async fn the_password_opens_as_basic_and_as_bearer_and_the_socket_without() {
    let world = World::running(Program::greeting("hi")).await;
    for client in world.administrators() {
        assert_eq!(client.server().await.unwrap().version, "1.2.3");
    }
    let other = Credentials::Basic {
        user: "root".to_owned(),
        password: world.password(),
    };
    let error = world.remote(other).server().await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(error.hint().unwrap().contains("coracle login"));
    let ClientError::Problem(problem) = error else {
        panic!("{error}")
    };
    assert!(!problem.request_id.is_empty());
}

#[tokio::test]
async fn probes_and_functions_are_for_everybody_and_metrics_are_elsewhere() {
    let world = World::running(Program::greeting("hi")).await;
    world
        .local()
        .deploy(&"hello".parse().unwrap(), &world.request())
        .await
        .unwrap();
    let client = world.remote(Credentials::None);
    for (path, status) in [
        ("/healthz", 200),
        ("/ready", 200),
        ("/function/hello", 200),
        ("/metrics", 404),
        ("/", 404),
    ] {
        assert_eq!(get(&client, path).await.0, status, "{path}");
    }
    let metrics = format!("http://{}", world.server.metrics().unwrap())
        .parse()
        .unwrap();
    let scraped = get(&coracle_api::Client::new(metrics, Credentials::None), "/metrics")
        .await
        .1;
    for line in [
        "coracle_requests_total{outcome=\"answered\"} 1",
        "coracle_functions 1",
        "coracle_instances 1",
    ] {
        assert!(scraped.lines().any(|other| other == line), "{line} in {scraped}");
    }
}
