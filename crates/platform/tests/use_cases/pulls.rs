//! Deploys of images that others built.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use coracle_oci::{ImageConfig, assemble};
use coracle_platform::{Deploy, Login, Password, Pull, Puller, SharedFailure};
use coracle_spec::revision::Profile;
use coracle_spec::{Class, Deployable, Digest, Failure, ImageRef, RegistryName, RevisionConfig};
use coracle_testkit::Program;

use crate::world::{World, config, hello};

/// A registry that has one image, for whoever has the password.
#[derive(Default)]
struct Harbour(Mutex<Vec<Option<Login>>>);

#[derive(Debug, thiserror::Error)]
#[error("wrong password")]
struct Denied;

impl Failure for Denied {
    fn class(&self) -> Class {
        Class::Denied
    }
}

#[async_trait]
impl Puller for Harbour {
    async fn pull(&self, pull: Pull) -> Result<Digest, SharedFailure> {
        let right = pull
            .login
            .as_ref()
            .is_some_and(|login| login.password.expose() == "sesame");
        self.0.lock().unwrap().push(pull.login);
        if !right {
            return Err(Arc::new(Denied));
        }
        let config = ImageConfig {
            cmd: vec!["/theirs".to_owned()],
            ..ImageConfig::default()
        };
        Ok(assemble(&pull.store, &config, &[]).unwrap().manifest)
    }
}

fn team() -> RegistryName {
    "team".parse().unwrap()
}

fn login(password: &str) -> Login {
    Login {
        host: "registry.example".parse().unwrap(),
        username: "ada".to_owned(),
        password: Password::new(password),
    }
}

fn deploy(image: &str, registry: Option<RegistryName>) -> Deploy {
    let image: ImageRef = image.parse().unwrap();
    Deploy {
        function: hello(),
        image: Deployable::Named(image),
        reference: None,
        config: RevisionConfig { registry, ..config() },
    }
}

#[tokio::test]
async fn each_pull_shows_the_credential_that_is_stored_then() {
    let harbour = Arc::new(Harbour::default());
    let world = World::pulling(harbour.clone(), Program::greeting("ahoy")).await;
    let image = "registry.example/team/app:1";
    let unknown = world
        .platform
        .deploy(deploy(image, Some(team())))
        .await
        .unwrap_err();
    assert!(
        unknown.to_string().contains("no stored credential `team`"),
        "{unknown}"
    );
    for (password, works) in [("old", false), ("sesame", true), ("stale", false)] {
        world
            .platform
            .set_registry(&team(), login(password))
            .await
            .unwrap();
        let deployed = world.platform.deploy(deploy(image, Some(team()))).await;
        assert_eq!(deployed.is_ok(), works, "{password}");
        if let Err(error) = deployed {
            assert_eq!(
                error.class(),
                Class::User,
                "who deploys may; the registry says no"
            );
            assert!(
                error.hint().unwrap().contains("--name team"),
                "{:?}",
                error.hint()
            );
        }
    }
    let shown = harbour.0.lock().unwrap().clone();
    assert_eq!(
        shown,
        ["old", "sesame", "stale"].map(|password| Some(login(password)))
    );
    let revisions = world.platform.revisions(&hello()).await.unwrap();
    let revision = &revisions[0].revision;
    assert_eq!((revisions.len(), revision.config.profile), (1, Profile::Image));
    assert_eq!(revision.reference.as_deref(), Some(image));
    let error = world.platform.remove_registry(&team()).await.unwrap_err();
    assert!(error.to_string().contains("`hello`"), "{error}");
    world.end().await;
}

#[tokio::test]
async fn a_credential_is_shown_to_its_own_registry_only() {
    let harbour = Arc::new(Harbour::default());
    let world = World::pulling(harbour.clone(), Program::greeting("ahoy")).await;
    world
        .platform
        .set_registry(&team(), login("sesame"))
        .await
        .unwrap();
    for image in ["elsewhere.example/app", "app", "registry.example:5000/app"] {
        let error = world
            .platform
            .deploy(deploy(image, Some(team())))
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::User, "{image}");
    }
    assert!(harbour.0.lock().unwrap().is_empty(), "nobody was asked");
    world.end().await;
}

#[tokio::test]
async fn a_platform_that_pulls_nothing_says_so() {
    let world = World::running(Program::greeting("ahoy")).await;
    let error = world.platform.deploy(deploy("app", None)).await.unwrap_err();
    assert_eq!(
        (error.class(), error.to_string().as_str()),
        (Class::User, "cannot pull `app`")
    );
    world.end().await;
}
