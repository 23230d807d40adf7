//! Every folder in `examples/` is built, started, and asked what its `test.json` says.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::machine::{Machine, Running, copy_of, repository};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversation {
    requests: Vec<Exchange>,
}

/// One request and what its answer must be like; `examples/README.md` says what the keys mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    says: String,
    path: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    answer_headers: BTreeMap<String, String>,
    answer: Option<String>,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    log: Vec<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

impl Exchange {
    fn hold(&self, function: &Running) {
        let mut request = ureq::http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{}{}", function.url(), self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let agent = ureq::Agent::new_with_config(
            ureq::config::Config::builder()
                .http_status_as_error(false)
                .build(),
        );
        let mut response = agent.run(request.body(self.body.clone()).unwrap()).unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        assert_eq!(response.status().as_u16(), self.status, "{}: {body}", self.says);
        for (name, start) in &self.answer_headers {
            let value = response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
                .unwrap_or_default();
            assert!(value.starts_with(start), "{}: {name}: {value}", self.says);
        }
        if let Some(answer) = &self.answer {
            assert_eq!(&body, answer, "{}", self.says);
        }
        for part in &self.contains {
            assert!(body.contains(part), "{}: no {part:?} in {body}", self.says);
        }
        for part in &self.log {
            function.says(part);
        }
    }
}

fn answers_as_it_says(example: &str) {
    let folder = copy_of(example);
    let folder = folder.path().join(example);
    let text = fs_err::read_to_string(folder.join("test.json")).unwrap();
    let conversation: Conversation = serde_json::from_str(&text).unwrap();
    let machine = Machine::shared();
    let arguments = ["up", folder.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let function = Running::start(machine.with_bases(&arguments));
    for exchange in &conversation.requests {
        exchange.hold(&function);
    }
    function.end();
}

macro_rules! examples {
    ($($test:ident: $example:literal),* $(,)?) => {
        const EXAMPLES: &[&str] = &[$($example),*];
        $(
            #[test]
            fn $test() {
                answers_as_it_says($example);
            }
        )*
    };
}

examples! {
    a_cloudevent_handler_in_python_answers: "cloudevent-python",
    a_program_alone_in_its_image_answers: "dockerfile-go",
    what_a_dockerfile_installs_by_pip_answers: "dockerfile-python",
    a_website_of_a_dockerfile_answers: "dockerfile-site",
    an_express_application_answers: "express-app",
    a_fastapi_application_answers: "fastapi-app",
    a_flask_application_answers: "flask-app",
    a_handler_of_cloudevents_in_go_answers: "go-cloudevent",
    a_handler_in_go_answers: "go-handler",
    a_go_program_answers: "go-http",
    a_vendored_go_program_answers: "go-vendored",
    a_go_workspace_answers: "go-workspace",
    a_node_handler_answers: "hello-node",
    a_python_handler_answers: "hello-python",
    a_newer_node_answers: "node-24",
    a_plain_server_answers: "plain-server",
    packages_of_pnpm_are_installed: "pnpm-app",
    packages_that_pdm_locked_are_installed: "py-pdm",
    packages_that_pipenv_locked_are_installed: "py-pipenv",
    packages_that_poetry_locked_are_installed: "py-poetry",
    packages_of_a_pylock_are_installed: "py-pylock",
    packages_that_uv_locked_are_installed: "py-uv",
    the_python_that_a_file_names_runs: "py-version",
    an_es_module_in_typescript_answers: "ts-esm",
    an_express_application_in_typescript_answers_and_its_stack_names_its_lines: "ts-express",
    a_handler_in_typescript_answers: "ts-handler",
    a_native_module_beside_a_bundle_answers: "ts-native",
    a_function_of_two_platforms_runs_on_this_one: "two-platforms",
    packages_of_yarn_classic_are_installed: "yarn-app",
    packages_of_a_later_yarn_are_installed: "yarn-berry-app",
}

#[test]
fn no_example_is_left_out() {
    let folders = fs_err::read_dir(repository("examples"))
        .unwrap()
        .map(Result::unwrap);
    let mut names: Vec<_> = folders
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, EXAMPLES);
}
