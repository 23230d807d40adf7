//! Stored credentials, and the revisions that name them.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use coracle_spec::{Class, Digest, Failure as _, RegistryName, RevisionConfig};
use coracle_state::{LogLimits, Login, NewRevision, Password, State, StateError};

fn open(directory: &tempfile::TempDir) -> State {
    State::open(directory.path(), LogLimits::default()).unwrap()
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

fn revision(function: &str) -> NewRevision {
    NewRevision {
        function: function.parse().unwrap(),
        image: Digest::of(function),
        reference: None,
        config: RevisionConfig {
            registry: Some(team()),
            ..RevisionConfig::default()
        },
        author: None,
    }
}

#[tokio::test]
async fn a_credential_is_set_replaced_listed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    assert_eq!(state.login(&team()).await.unwrap(), None);
    for password in ["first", "second"] {
        state.set_login(&team(), login(password)).await.unwrap();
        assert_eq!(state.login(&team()).await.unwrap(), Some(login(password)));
    }
    drop(state);
    let state = open(&directory);
    let listed = state.registries().await.unwrap();
    assert_eq!((listed.len(), listed[0].username.as_str()), (1, "ada"));
    assert!(!format!("{listed:?}{:?}", state.login(&team()).await.unwrap()).contains("second"));
    state.remove_login(&team()).await.unwrap();
    let error = state.remove_login(&team()).await.unwrap_err();
    assert!(matches!(error, StateError::UnknownRegistry(_)), "{error}");
}

#[tokio::test]
async fn one_that_is_in_use_stays_and_its_users_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    let error = state.begin_revision(revision("hello")).await.unwrap_err();
    assert!(error.hint().unwrap().contains("--name team"));
    assert!(
        state
            .revisions(&"hello".parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );

    state.set_login(&team(), login("x")).await.unwrap();
    for function in ["hello", "broken", "other.team"] {
        let begun = state.begin_revision(revision(function)).await.unwrap();
        let (function, number) = (begun.function, begun.number);
        match function.name.as_str() {
            "broken" => state.fail_revision(&function, number).await.unwrap(),
            _ => drop(state.activate_revision(&function, number).await.unwrap()),
        }
    }
    // An earlier revision that can serve again counts too.
    let later = NewRevision {
        config: RevisionConfig::default(),
        ..revision("hello")
    };
    let later = state.begin_revision(later).await.unwrap();
    state
        .activate_revision(&later.function, later.number)
        .await
        .unwrap();

    let error = state.remove_login(&team()).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert_eq!(
        error.to_string(),
        "the credential `team` is in use by `hello`, `other.team`"
    );
    for function in ["hello", "other.team"] {
        state.remove_function(&function.parse().unwrap()).await.unwrap();
    }
    state.remove_login(&team()).await.unwrap();
}

#[tokio::test]
async fn a_replaced_password_is_not_left_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    state
        .set_login(&team(), login("the-first-password"))
        .await
        .unwrap();
    state
        .set_login(&team(), login("the-next-password"))
        .await
        .unwrap();
    // The last to leave takes the log into the database.
    drop(state);
    let bytes = fs_err::read(directory.path().join("state.db")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("the-next-password") && !text.contains("the-first-password"));
}
