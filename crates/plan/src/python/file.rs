//! How one file takes requests, by what it defines.

use coracle_spec::manifest::{Serve, Signature};

use super::application::Kind;
use super::scan::{Statement, statements};
use crate::context::Context;
use crate::error::PlanError;
use crate::event::Event;

/// What makes objects that a WSGI server calls (PEP 3333).
const WSGI: [&str; 6] = [
    "Flask",
    "flask.Flask",
    "Bottle",
    "bottle.Bottle",
    "get_wsgi_application",
    "falcon.App",
];

/// What makes objects that an ASGI server calls (ASGI specification 3.0).
const ASGI: [&str; 10] = [
    "FastAPI",
    "fastapi.FastAPI",
    "Starlette",
    "Quart",
    "quart.Quart",
    "Litestar",
    "Sanic",
    "BlackSheep",
    "get_asgi_application",
    "falcon.asgi.App",
];

/// Calls that only a program that serves by itself makes.
const SERVING: [&str; 4] = ["serve_forever(", "run_app(", "uvicorn.run(", ".run_forever("];

/// One file, looked at.
pub(super) struct File<'a> {
    path: &'a str,
    text: &'a str,
    statements: Vec<Statement>,
}

/// A function at the top level that could be a handler.
struct Handler<'a> {
    name: &'a str,
    event: Event,
    is_async: bool,
}

impl<'a> File<'a> {
    /// Looks at the file at `path`.
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            text,
            statements: statements(text),
        }
    }

    /// Answers how the file takes requests, if it does.
    pub(super) fn kind(&self, context: Context<'_>) -> Result<Option<Kind>, PlanError> {
        let build = &context.manifest.build;
        let kind = match (context.manifest.signature, &build.handler) {
            (Some(Signature::Server), _) => Some(Kind::Program),
            (signature, Some(name)) => Some(self.handler(name, signature)?),
            (Some(signature), None) => self.only_handler(Some(signature))?,
            (None, None) => match self.only_handler(None)? {
                None => self.object().or_else(|| self.program()),
                handler => handler,
            },
        };
        Ok(kind)
    }

    /// The handler that the manifest names; one that carries no decorator is what `signature` says, else HTTP.
    fn handler(&self, name: &str, signature: Option<Signature>) -> Result<Kind, PlanError> {
        if let Some(handler) = self.decorated().into_iter().find(|handler| handler.name == name) {
            return Ok(handler.kind());
        }
        let defined = self
            .statements
            .iter()
            .any(|statement| statement.function().is_some_and(|(own, _)| own == name));
        let assigned = self
            .statements
            .iter()
            .any(|statement| statement.assignment().is_some_and(|(own, _)| own == name));
        if !defined && !assigned {
            return Err(PlanError::NoHandler {
                file: self.path.to_owned(),
                handler: name.to_owned(),
            });
        }
        let event = if signature == Some(Signature::CloudEvent) {
            Event::Cloud
        } else {
            Event::Http
        };
        Ok(Handler {
            name,
            event,
            is_async: false,
        }
        .kind())
    }

    /// The one handler of the file: of those with a decorator, else of functions that take what handlers take.
    fn only_handler(&self, signature: Option<Signature>) -> Result<Option<Kind>, PlanError> {
        let fits = |handler: &Handler<'_>| match signature {
            Some(Signature::CloudEvent) => handler.event == Event::Cloud,
            Some(_) => handler.event != Event::Cloud,
            None => true,
        };
        let mut handlers: Vec<_> = self.decorated().into_iter().filter(fits).collect();
        if handlers.is_empty() && self.object().is_none() {
            handlers = self.plain().into_iter().filter(fits).collect();
        }
        match handlers.as_slice() {
            [] => Ok(None),
            [handler] => Ok(Some(handler.kind())),
            several => Err(PlanError::SeveralHandlers {
                file: self.path.to_owned(),
                handlers: several.iter().map(|handler| handler.name.to_owned()).collect(),
            }),
        }
    }

    fn decorated(&self) -> Vec<Handler<'_>> {
        let mut handlers = Vec::new();
        let mut pending = None;
        for statement in &self.statements {
            if let Some(decorator) = statement.decorator() {
                pending = framework_event(decorator, self.text).or(pending);
            } else if let (Some((event, is_async)), Some((name, _))) = (pending.take(), statement.function())
            {
                handlers.push(Handler {
                    name,
                    event,
                    is_async,
                });
            }
        }
        handlers
    }

    /// Functions without a decorator are handlers by the name of their only parameter.
    fn plain(&self) -> Vec<Handler<'_>> {
        let functions = self.statements.iter().filter_map(Statement::function);
        let handler = |(name, parameters)| {
            Some(Handler {
                name,
                event: event_of(parameters)?,
                is_async: false,
            })
        };
        functions.filter_map(handler).collect()
    }

    /// An object that the manifest names is a handler if it is decorated as one, else what the manifest says,
    /// else what its maker says, else WSGI.
    pub(super) fn object_called(&self, object: &str, serve: Option<Serve>) -> Kind {
        if let Some(handler) = self
            .decorated()
            .into_iter()
            .find(|handler| handler.name == object)
        {
            return handler.kind();
        }
        let made_by_asgi = |statement: &Statement| {
            statement
                .constructed()
                .is_some_and(|(name, called)| name == object && ASGI.contains(&called))
        };
        let is_asgi = serve.map_or_else(
            || self.statements.iter().any(made_by_asgi),
            |serve| serve == Serve::Asgi,
        );
        if is_asgi {
            Kind::Asgi(object.to_owned())
        } else {
            Kind::Wsgi(object.to_owned())
        }
    }

    fn object(&self) -> Option<Kind> {
        let constructed = || self.statements.iter().filter_map(Statement::constructed);
        let made_by = |makers: &[&str]| {
            constructed()
                .find(|(_, called)| makers.contains(called))
                .map(|(name, _)| name.to_owned())
        };
        made_by(&WSGI)
            .map(Kind::Wsgi)
            .or_else(|| made_by(&ASGI).map(Kind::Asgi))
    }

    fn program(&self) -> Option<Kind> {
        let guarded = self.statements.iter().any(Statement::is_main_guard);
        let serving = self
            .statements
            .iter()
            .any(|statement| SERVING.iter().any(|call| statement.text().contains(call)));
        (guarded || serving).then_some(Kind::Program)
    }
}

impl Handler<'_> {
    fn kind(&self) -> Kind {
        Kind::Handler {
            name: self.name.to_owned(),
            event: self.event,
            is_async: self.is_async,
        }
    }
}

/// What a function is called with, by its parameters.
fn event_of(parameters: &str) -> Option<Event> {
    match parameters.split([':', '=']).next()?.trim() {
        _ if parameters.contains(',') => None,
        "request" => Some(Event::Http),
        "cloud_event" | "cloudevent" => Some(Event::Cloud),
        _ => None,
    }
}

/// What a decorator of the Functions Framework says, under any of the names that the file may give it.
fn framework_event(decorator: &str, text: &str) -> Option<(Event, bool)> {
    let (module, name) = decorator.rsplit_once('.').unwrap_or(("", decorator));
    let event = match name {
        "http" => Event::Http,
        "cloud_event" => Event::Cloud,
        "typed" => Event::Typed,
        _ => return None,
    };
    let imported = |from: &str| match module {
        "" => text.contains(&format!("from {from} import")),
        _ => module == from || text.contains(&format!("import {from} as {module}")),
    };
    let is_async = imported("functions_framework.aio") || module == "aio";
    (is_async || imported("functions_framework")).then_some((event, is_async))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<Kind> {
        let file = File::new("main.py", text);
        file.only_handler(None)
            .unwrap()
            .or_else(|| file.object())
            .or_else(|| file.program())
    }

    fn handler(name: &str, event: Event, is_async: bool) -> Kind {
        Kind::Handler {
            name: name.to_owned(),
            event,
            is_async,
        }
    }

    #[test]
    fn files_are_told_apart_by_what_they_define() {
        let table = [
            (
                "import functions_framework\n@functions_framework.http\ndef hello(request):\n    pass\n",
                Some(handler("hello", Event::Http, false)),
            ),
            (
                "from functions_framework import cloud_event\n@cloud_event\n@traced\ndef on(event):\n    pass\n",
                Some(handler("on", Event::Cloud, false)),
            ),
            (
                "import functions_framework as ff\n@ff.typed(Item)\ndef take(item):\n    pass\n",
                Some(handler("take", Event::Typed, false)),
            ),
            (
                "import functions_framework.aio\n@functions_framework.aio.http\nasync def h(r):\n    pass\n",
                Some(handler("h", Event::Http, true)),
            ),
            (
                "def hello(request):\n    return 'hi'\n",
                Some(handler("hello", Event::Http, false)),
            ),
            (
                "def on(cloud_event: CloudEvent):\n    pass\n",
                Some(handler("on", Event::Cloud, false)),
            ),
            (
                "app = Flask(__name__)\n@app.route('/')\ndef index(request):\n    pass\nif __name__ == '__main__':\n    app.run()\n",
                Some(Kind::Wsgi("app".to_owned())),
            ),
            (
                "api: FastAPI = fastapi.FastAPI()\n",
                Some(Kind::Asgi("api".to_owned())),
            ),
            ("if __name__ == \"__main__\":\n    serve()\n", Some(Kind::Program)),
            ("HTTPServer(('', 80), H).serve_forever()\n", Some(Kind::Program)),
            ("@app.http\ndef f(x):\n    pass\n", None),
            ("def helper(a, b):\n    pass\n", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
