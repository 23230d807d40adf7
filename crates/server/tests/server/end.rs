//! Ending: nothing is cut off, nothing is left.

use std::sync::Arc;

use coracle_api::Credentials;
use coracle_api::types::LogQuery;
use coracle_testkit::{Program, answering};
use tokio::sync::{Notify, mpsc};

use crate::world::{World, get, hello, settings, start};

#[tokio::test]
async fn a_request_in_flight_is_finished_before_the_instance_ends() {
    let go = Arc::new(Notify::new());
    let (reached, mut arrivals) = mpsc::unbounded_channel();
    let wait = Arc::clone(&go);
    let world = World::running(Program::serving(move |_, _| {
        let (wait, reached) = (Arc::clone(&wait), reached.clone());
        Box::pin(async move {
            reached.send(()).unwrap();
            wait.notified().await;
            answering(200, "finished")
        })
    }))
    .await;
    world.local().deploy(&hello(), &world.request()).await.unwrap();
    let client = world.remote(Credentials::None);
    let slow = tokio::task::spawn(async move { get(&client, "/function/hello").await });
    arrivals.recv().await.unwrap();
    let sandbox = world.sandboxes.running_now().pop().unwrap();
    let socket = world.server.socket().to_owned();
    let ending = tokio::task::spawn(world.server.shutdown());
    go.notify_one();
    assert_eq!(slow.await.unwrap(), (200, "finished".to_owned()));
    ending.await.unwrap();
    assert!(sandbox.is_removed());
    assert!(!socket.exists());
}

#[tokio::test]
async fn what_was_deployed_is_served_by_the_next_server() {
    let world = World::running(Program::greeting("hi")).await;
    world.local().deploy(&hello(), &world.request()).await.unwrap();
    let World {
        server,
        sandboxes,
        folder,
        ..
    } = world;
    server.shutdown().await;
    let server = start(folder.path(), settings(), &sandboxes).await.unwrap();
    assert!(server.secrets().made().is_empty());
    let endpoint = format!("http://{}", server.address()).parse().unwrap();
    let client = coracle_api::Client::new(endpoint, Credentials::None);
    assert_eq!(get(&client, "/function/hello").await.0, 200);
}

#[tokio::test]
async fn whoever_follows_a_log_does_not_hold_up_the_end() {
    let world = World::running(Program::greeting("hi")).await;
    let client = world.local();
    client.deploy(&hello(), &world.request()).await.unwrap();
    let mut lines = client
        .logs(
            &hello(),
            &LogQuery {
                tail: 0,
                follow: true,
            },
        )
        .await
        .unwrap();
    let (ended, ()) = tokio::join!(lines.next(), world.server.shutdown());
    assert!(ended.unwrap().is_none());
}
