//! How many builds there are at once, and what becomes of those that nobody waits for.

use coracle_server::Role;

use super::body::{Producer, SECRET, archive, signature};
use super::yard::Yard;

#[tokio::test]
async fn a_busy_server_says_so_in_the_words_that_clients_know() {
    let yard = Yard::of(Role::Builder, |_| {}).await;
    assert_eq!(yard.get("/ready").await.status, 200);
    let mut waiting = yard.fake.waiting.subscribe();
    let busy = async {
        waiting.wait_for(|count| *count == 1).await.unwrap();
        let answers = (
            yard.build("hello").await,
            yard.stream("hello").await,
            yard.get("/ready").await,
        );
        let alive = yard.get("/healthz").await;
        yard.fake.go.add_permits(1);
        (answers, alive)
    };
    let (first, ((second, third, ready), alive)) = tokio::join!(yard.build("wait"), busy);
    assert_eq!(first.status, 200, "{}", first.body);
    for refused in [second, third] {
        assert_eq!(refused.status, 429);
        assert_eq!(
            refused.body,
            "Concurrent request limit exceeded. Max concurrent requests: 1\n"
        );
        assert_eq!(refused.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(refused.headers["content-length"], "62");
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!((ready.status, alive.status), (503, 200));
    assert_eq!(yard.get("/ready").await.status, 200);
}

#[tokio::test]
async fn a_builder_serves_nothing_else_and_the_platform_stays_ready() {
    let yard = Yard::of(Role::Builder, |_| {}).await;
    for path in ["/api/v1/functions", "/function/hello", "/nothing"] {
        assert_eq!(yard.get(path).await.status, 404, "{path}");
    }
    assert_eq!(yard.get("/v2/").await.status, 401);
    let all = Yard::usual().await;
    let mut waiting = all.fake.waiting.subscribe();
    let ready = async {
        waiting.wait_for(|count| *count == 1).await.unwrap();
        let ready = all.get("/ready").await;
        all.fake.go.add_permits(1);
        ready
    };
    let (_, ready) = tokio::join!(all.build("wait"), ready);
    assert_eq!(ready.status, 200);
}

#[tokio::test]
async fn with_a_queue_the_next_build_waits_its_turn() {
    let yard = Yard::with(|settings| settings.bounds.waiting = 1).await;
    let mut waiting = yard.fake.waiting.subscribe();
    let second = async {
        waiting.wait_for(|count| *count == 1).await.unwrap();
        let second = yard.stream("second");
        let let_go = async {
            yard.fake.go.add_permits(1);
        };
        tokio::join!(second, let_go).0
    };
    let (first, second) = tokio::join!(yard.build("wait"), second);
    assert_eq!(first.status, 200);
    assert_eq!(second.last()["status"], "success");
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_build_which_counts_as_cancelled() {
    let yard = Yard::usual().await;
    for (round, accept) in ["application/x-ndjson", "*/*"].into_iter().enumerate() {
        let mut waiting = yard.fake.waiting.subscribe();
        let mut cancelled = yard.fake.cancelled.subscribe();
        let body = archive(Producer::Go, &yard.config(), "wait");
        let signature = signature(SECRET, &body);
        let request = http::Request::post("/build")
            .header("accept", accept)
            .header("x-build-signature", signature);
        let client = yard.client();
        let calling = async {
            let response = client.raw(request, body.into()).await.unwrap();
            http_body_util::BodyExt::collect(response.into_body())
                .await
                .unwrap();
        };
        tokio::select! {
            () = calling => panic!("it was answered"),
            _ = waiting.wait_for(|count| *count == round + 1) => {}
        }
        cancelled.wait_for(|count| *count == round + 1).await.unwrap();
        let cancelled = format!(
            "builder_builds_total{{tenant=\"acme\",status=\"cancelled\"}} {}",
            round + 1
        );
        yard.counted(&cancelled).await;
    }
}
