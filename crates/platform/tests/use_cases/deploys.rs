//! Deploying: what serves is never lost.

use std::sync::Arc;

use coracle_platform::{ConfigError, DeployError, RevisionStatus};
use coracle_spec::{Class, Deployable, Digest, Failure as _, Span};
use coracle_tasks::CancellationToken;
use coracle_testkit::{Program, Said, answering};
use tokio::sync::Notify;

use crate::world::{World, config, get, hasty, hello};

#[tokio::test]
async fn a_deployed_function_answers() {
    let world = World::running(Program::greeting("one")).await;
    let deployed = world.deploy().await.unwrap();
    assert_eq!((deployed.revision.number, deployed.replaced), (1, None));
    assert_eq!(deployed.url, "http://127.0.0.1:8080/function/hello");
    let answer = world.get().await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with("one from hello-1-"), "{}", answer.body);
}

#[tokio::test]
async fn a_new_revision_replaces_the_old_one_whose_instance_ends() {
    let world = World::running(Program::greeting("one")).await;
    world.deploy().await.unwrap();
    let old = world.sandboxes.running_now().pop().unwrap();
    world.sandboxes.now_run(Program::greeting("two"));
    let deployed = world.deploy().await.unwrap();
    assert_eq!((deployed.revision.number, deployed.replaced), (2, Some(1)));
    assert!(world.get().await.body.starts_with("two"));
    old.removed().await;
    assert!(world.get().await.body.starts_with("two"));
}

#[tokio::test]
async fn a_request_in_flight_on_the_old_revision_is_finished() {
    let go = Arc::new(Notify::new());
    let (reached, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
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
    world.deploy().await.unwrap();
    let old = world.sandboxes.running_now().pop().unwrap();
    let gateway = Arc::clone(&world.gateway);
    let slow = tokio::task::spawn(async move { get(&gateway).await.body });
    arrivals.recv().await.unwrap();
    world.sandboxes.now_run(Program::greeting("two"));
    world.deploy().await.unwrap();
    assert!(world.get().await.body.starts_with("two"));
    assert!(
        old.signals().is_empty(),
        "the old instance was told to end with a request in flight"
    );
    go.notify_one();
    assert_eq!(slow.await.unwrap(), "finished");
    old.removed().await;
    assert_eq!(old.signals(), [15]);
}

#[tokio::test]
async fn a_deploy_that_is_given_up_ends_what_it_started_and_the_next_one_follows_at_once() {
    let world = World::running(Program::greeting("one")).await;
    world.deploy().await.unwrap();
    let mut patient = config();
    patient.health.grace = Span::seconds(3600);
    world.sandboxes.now_run(Program::Idle {
        said: Said {
            stdout: "still here\n".to_owned(),
            ..Said::default()
        },
    });
    let mut log = world.platform.follow(&hello()).await.unwrap();
    let given_up = CancellationToken::new();
    let deploy = world.deploy_of(patient);
    let (deploying, ()) = tokio::join!(world.platform.deploy_unless(deploy, &given_up), async {
        log.next().await.unwrap();
        given_up.cancel();
    });
    assert!(matches!(deploying, Err(DeployError::GivenUp)), "{deploying:?}");
    let idle = Arc::clone(&world.sandboxes.created()[1]);
    idle.removed().await;
    assert!(world.get().await.body.starts_with("one"));
    world.sandboxes.now_run(Program::greeting("three"));
    assert_eq!(world.deploy().await.unwrap().revision.number, 3);
    assert!(world.get().await.body.starts_with("three"));
}

#[tokio::test]
async fn a_revision_that_does_not_start_gets_no_traffic_and_its_last_lines_are_told() {
    let world = World::running(Program::greeting("one")).await;
    world.deploy().await.unwrap();
    world
        .sandboxes
        .now_run(Program::failing(3, "Traceback\nSyntaxError: invalid syntax\n"));
    let error = world.deploy().await.unwrap_err();
    let DeployError::Start(failure) = &error else {
        panic!("{error}")
    };
    assert_eq!(
        failure.said.as_ref().unwrap().lines(),
        ["Traceback", "SyntaxError: invalid syntax"]
    );
    assert_eq!(
        error.to_string(),
        "`hello` revision 2 did not start: it exited with code 3"
    );
    assert_eq!(error.class(), Class::User);
    assert!(world.get().await.body.starts_with("one"));
    let revisions = world.platform.revisions(&hello()).await.unwrap();
    let seen: Vec<_> = revisions
        .iter()
        .map(|one| (one.revision.number, one.status, one.serving))
        .collect();
    assert_eq!(
        seen,
        [
            (2, RevisionStatus::Failed, false),
            (1, RevisionStatus::Ready, true)
        ]
    );
    assert_eq!(world.sandboxes.running_now().len(), 1);
}

#[tokio::test]
async fn a_program_that_listens_elsewhere_is_told_where() {
    let world = World::running(Program::listening_on(3000)).await;
    let deploy = world.deploy_of(hasty());
    let error = world.platform.deploy(deploy).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`hello` revision 1 did not start: nothing listened on port 8080 within 0.3 s; it listens on 3000 instead"
    );
    assert!(error.hint().unwrap().contains("`port: 3000`"));
    assert_eq!(world.get().await.status, 404);
    world.sandboxes.created()[0].removed().await;
}

#[tokio::test]
async fn what_cannot_be_deployed_is_refused_before_anything_happens() {
    let world = World::running(Program::greeting("one")).await;
    let mut deploy = world.deploy_of(config());
    deploy.image = Deployable::Stored(Digest::of("nothing"));
    assert!(matches!(
        world.platform.deploy(deploy).await,
        Err(DeployError::NoImage { .. })
    ));
    let mut config = config();
    (config.scale.min, config.scale.max) = (3, 2);
    let refused = world.platform.deploy(world.deploy_of(config)).await;
    assert!(matches!(
        refused,
        Err(DeployError::Config(ConfigError::Scale { min: 3, max: 2 }))
    ));
    assert!(world.sandboxes.created().is_empty());
    assert!(world.platform.revisions(&hello()).await.is_err());
}

#[tokio::test]
async fn a_missing_secret_fails_the_deploy_and_a_set_one_is_a_file() {
    let world = World::running(Program::greeting("one")).await;
    let mut config = config();
    config.secrets = vec!["db-password".to_owned()];
    let error = world
        .platform
        .deploy(world.deploy_of(config.clone()))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("there is no secret `db-password`"),
        "{error}"
    );
    assert_eq!(error.class(), Class::User);
    let namespace = hello().namespace;
    world
        .platform
        .set_secret(&namespace, "db-password", b"hunter2".to_vec())
        .await
        .unwrap();
    world.platform.deploy(world.deploy_of(config)).await.unwrap();
    let sandbox = world.sandboxes.running_now().pop().unwrap();
    let file = sandbox
        .spec()
        .files
        .iter()
        .find(|file| file.path.ends_with("run/secrets/db-password"))
        .unwrap();
    assert_eq!((file.mode, file.contents.as_slice()), (0o400, &b"hunter2"[..]));
}

#[tokio::test]
async fn a_removed_function_is_gone_with_its_instances() {
    let world = World::running(Program::greeting("one")).await;
    world.deploy().await.unwrap();
    world.platform.remove(&hello()).await.unwrap();
    assert_eq!(world.get().await.status, 404);
    assert!(world.sandboxes.created()[0].is_removed());
    assert!(world.platform.list(None).is_empty());
    assert!(world.platform.describe(&hello()).await.is_err());
    assert!(world.platform.remove(&hello()).await.is_err());
}
