use std::collections::BTreeSet;

use coracle_plan::{Op, Plan};
use proptest::prelude::*;

use crate::folder::{of, planned};

/// Names that mean something to a runtime, and contents that may.
const NAMES: [&str; 12] = [
    "main.py",
    "app.py",
    "requirements.txt",
    "pyproject.toml",
    "package.json",
    "package-lock.json",
    "index.js",
    "server.js",
    ".nvmrc",
    ".python-version",
    "Dockerfile",
    "app/main.py",
];
const CONTENTS: [&str; 14] = [
    "",
    "def a(request): 1\n",
    "app = Flask(__name__)\n",
    "app = FastAPI()\n",
    "exports.a = 1",
    "s.listen(1)",
    "{}",
    "{\"scripts\": {\"start\": \"node x.js\"}}",
    "{\"dependencies\": {\"x\": \"1\"}}",
    "flask\n-r a\n",
    "24",
    "3.11",
    "{\"lockfileVersion\": 3}",
    "\"\"\"'''\\",
];

fn files() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    proptest::collection::vec(
        (
            proptest::sample::select(&NAMES[..]),
            proptest::sample::select(&CONTENTS[..]),
        ),
        0..6,
    )
}

proptest! {
    #[test]
    fn planning_never_panics_and_plans_hold_together(files in files()) {
        let source = of(&files);
        if let Ok(plan) = planned(&source, "test") {
            holds_together(&plan);
            prop_assert_eq!(planned(&source, "test").ok(), Some(plan));
        }
    }
}

/// Steps stand on earlier steps, ids are unique, layers are steps, and the application comes after the base.
fn holds_together(plan: &Plan) {
    let mut before = BTreeSet::new();
    for step in &plan.steps {
        assert!(
            step.op.depends_on().iter().all(|id| before.contains(*id)),
            "{}",
            step.id
        );
        assert!(before.insert(step.id.clone()), "{}", step.id);
    }
    assert!(plan.image.layers.iter().all(|id| before.contains(id)));
    assert!(matches!(
        plan.steps.first().map(|step| &step.op),
        Some(Op::Base(_))
    ));
    assert!(!plan.image.command.is_empty() || !plan.image.entrypoint.is_empty());
    assert!(!plan.why.is_empty());
}
