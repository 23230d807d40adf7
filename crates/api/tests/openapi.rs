//! The API's description for others, compared with the code.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};

use coracle_api::routes::ROUTES;
use coracle_api::types::{
    DeployRequest, Deployed, EventView, ExitView, FailureView, FunctionDetail, FunctionSummary, ImageView,
    InstanceView, LogLine, Problem, ProblemBody, QueueView, RegistryLogin, RegistryView, Rescaled,
    RevisionStatus, RevisionView, RollbackRequest, SecretView, ServerInfo, Stream,
};
use coracle_spec::revision::{Profile, Scale};
use coracle_spec::{Deployable, Digest, Freeze, FunctionId, RevisionConfig, ScaleChange, Span};
use serde_json::{Value, to_value};

fn document() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).unwrap()
}

#[test]
fn the_description_has_the_routes_of_the_table() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters");
        described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(described, table);
}

#[test]
fn the_description_has_the_fields_of_the_types() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, value) in examples() {
        let described: BTreeSet<_> = schemas[name]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let actual: BTreeSet<_> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(described, actual, "{name}");
    }
}

#[expect(clippy::too_many_lines, reason = "one table")]
fn examples() -> BTreeMap<&'static str, Value> {
    let function: FunctionId = "hello".parse().unwrap();
    let image = Digest::of("image");
    let revision = RevisionView {
        number: 1,
        image,
        reference: None,
        config: RevisionConfig::default(),
        created_at: 0,
        author: None,
        status: RevisionStatus::Ready,
        serving: true,
    };
    let instance = InstanceView {
        id: String::new(),
        revision: 1,
        state: String::new(),
        in_flight: 0,
        age_seconds: 0,
    };
    let event = EventView {
        at: 0,
        kind: String::new(),
        message: String::new(),
    };
    let problem = Problem {
        class: String::new(),
        message: String::new(),
        hint: Some(String::new()),
        causes: vec![String::new()],
        request_id: String::new(),
    };
    [
        ("FunctionId", to_value(&function)),
        (
            "RevisionConfig",
            to_value(RevisionConfig {
                profile: Profile::Image,
                registry: Some("team".parse().unwrap()),
                ..RevisionConfig::default()
            }),
        ),
        (
            "RegistryView",
            to_value(RegistryView {
                name: "team".parse().unwrap(),
                host: "a.example".parse().unwrap(),
                username: String::new(),
                updated_at: 0,
            }),
        ),
        (
            "RegistryLogin",
            to_value(RegistryLogin {
                host: "a.example".parse().unwrap(),
                username: String::new(),
                password: String::new(),
            }),
        ),
        ("RevisionView", to_value(&revision)),
        ("InstanceView", to_value(&instance)),
        ("EventView", to_value(&event)),
        ("Problem", to_value(ProblemBody { error: problem })),
        (
            "SecretView",
            to_value(SecretView {
                name: String::new(),
                updated_at: 0,
            }),
        ),
        (
            "DeployRequest",
            to_value(DeployRequest {
                image: Deployable::Stored(image),
                reference: None,
                config: RevisionConfig::default(),
            }),
        ),
        (
            "ServerInfo",
            to_value(ServerInfo {
                version: String::new(),
                public_url: String::new(),
                domain: String::new(),
                pid: 0,
            }),
        ),
        (
            "LogLine",
            to_value(LogLine {
                at_ms: 0,
                revision: 0,
                instance: String::new(),
                stream: Stream::Stdout,
                text: String::new(),
            }),
        ),
        (
            "Deployed",
            to_value(Deployed {
                function: function.clone(),
                revision: 1,
                image,
                url: String::new(),
                ready_ms: 0,
                replaced: None,
            }),
        ),
        (
            "ImageView",
            to_value(ImageView {
                size: 0,
                port: 0,
                command: Vec::new(),
            }),
        ),
        (
            "FailureView",
            to_value(FailureView {
                at: 0,
                revision: 0,
                cause: String::new(),
                hint: None,
                listened_on: Vec::new(),
                said: Vec::new(),
            }),
        ),
        (
            "ExitView",
            to_value(ExitView {
                at: 0,
                revision: 0,
                instance: String::new(),
                how: String::new(),
                code: None,
                signal: None,
                out_of_memory: false,
                told_to: false,
            }),
        ),
        ("RollbackRequest", to_value(RollbackRequest::default())),
        (
            "ScaleChange",
            to_value(ScaleChange {
                min: Some(0),
                max: Some(0),
                concurrency: Some(0),
                freeze: Some(Freeze::Never),
                idle: Some(Span::seconds(1)),
            }),
        ),
        ("Scale", to_value(Scale::default())),
        (
            "Rescaled",
            to_value(Rescaled {
                function: function.clone(),
                revision: 1,
                before: Scale::default(),
                scale: Scale::default(),
            }),
        ),
        (
            "FunctionSummary",
            to_value(FunctionSummary {
                function: function.clone(),
                url: String::new(),
                revision: 1,
                image,
                instances: 0,
                deployed_at: 0,
            }),
        ),
        (
            "FunctionDetail",
            to_value(FunctionDetail {
                function,
                url: String::new(),
                state: String::new(),
                reason: String::new(),
                revision: Some(revision),
                image: None,
                scale: None,
                rescaled: false,
                instances: vec![instance],
                spare: false,
                queue: QueueView {
                    waiting: 0,
                    longest_ms: 0,
                },
                failed_revision: None,
                last_failure: None,
                exits: Vec::new(),
                lines: Vec::new(),
                events: vec![event],
                hints: Vec::new(),
            }),
        ),
    ]
    .map(|(name, value)| (name, value.unwrap()))
    .into()
}
