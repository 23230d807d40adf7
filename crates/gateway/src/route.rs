//! From a request's address to a function: by host first (`NAME.DOMAIN`, `NAME.NAMESPACE.DOMAIN`), then by path
//! (`/function/NAME[.NAMESPACE]/…`).
//!
//! The table is swapped as a whole, so that a request reads it without a lock and sees one state of it. Trie
//! routers lost: there is nothing to match but one name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use coracle_spec::Namespace;
use http::Uri;
use http::header::{HOST, HeaderMap};
use http::uri::PathAndQuery;

use crate::target::Target;

const PATH_PREFIX: &str = "/function/";

/// Which functions there are, and where their requests go.
#[derive(Debug, Clone)]
pub struct Table {
    domain: String,
    functions: HashMap<Box<str>, HashMap<Box<str>, Arc<Target>>>,
    root: Option<Arc<Target>>,
}

impl Table {
    /// Makes a table without functions, whose host names end in `.DOMAIN`.
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_ascii_lowercase(),
            functions: HashMap::new(),
            root: None,
        }
    }

    /// Leads a function's addresses to `target`. `name` is its canonical name or another one that it answers to.
    pub fn insert(&mut self, namespace: &Namespace, name: &str, target: Arc<Target>) {
        self.functions
            .entry(namespace.as_str().into())
            .or_default()
            .insert(name.into(), target);
    }

    /// Takes a function's address away. Answers what it led to.
    pub fn remove(&mut self, namespace: &Namespace, name: &str) -> Option<Arc<Target>> {
        let functions = self.functions.get_mut(namespace.as_str())?;
        let target = functions.remove(name);
        if functions.is_empty() {
            self.functions.remove(namespace.as_str());
        }
        target
    }

    /// Leads every request that names no function to `target`, instead of to the platform's own service.
    pub fn at_root(&mut self, target: Arc<Target>) {
        self.root = Some(target);
    }

    /// Answers where a request to `uri` with `headers` goes.
    pub(crate) fn find(&self, uri: &Uri, headers: &HeaderMap) -> Found {
        self.by_host(uri, headers)
            .or_else(|| self.by_path(uri))
            .or_else(|| Some(Found::Function(Arc::clone(self.root.as_ref()?), Forward::AsIs)))
            .unwrap_or(Found::Elsewhere)
    }

    fn by_host(&self, uri: &Uri, headers: &HeaderMap) -> Option<Found> {
        let host = lower(host_of(uri, headers)?);
        let label = host.strip_suffix(self.domain.as_str())?.strip_suffix('.')?;
        Some(self.named(label, || Forward::AsIs))
    }

    fn by_path(&self, uri: &Uri) -> Option<Found> {
        let rest = uri.path().strip_prefix(PATH_PREFIX)?;
        let (label, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(self.named(label, || Forward::to(path, uri.query())))
    }

    fn named(&self, label: &str, forward: impl FnOnce() -> Forward) -> Found {
        let (name, namespace) = label.split_once('.').unwrap_or((label, "default"));
        match self
            .functions
            .get(namespace)
            .and_then(|functions| functions.get(name))
        {
            Some(target) => Found::Function(Arc::clone(target), forward()),
            None => Found::Unknown(label.to_owned()),
        }
    }
}

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Found {
    /// To this function, with this path.
    Function(Arc<Target>, Forward),
    /// Nowhere: it names a function that there is not.
    Unknown(String),
    /// It names no function.
    Elsewhere,
}

/// The path that a function sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// The one that was asked for.
    AsIs,
    /// What follows the function's name in it.
    Path(PathAndQuery),
}

impl Forward {
    fn to(path: &str, query: Option<&str>) -> Self {
        let path = if path.is_empty() { "/" } else { path };
        let text = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        // Parts of a valid target are one again.
        PathAndQuery::try_from(text).map_or(Self::AsIs, Self::Path)
    }
}

/// The table in use.
#[derive(Debug)]
pub struct Routes(ArcSwap<Table>);

impl Routes {
    /// Starts with `table`.
    pub fn new(table: Table) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(table)))
    }

    /// Changes the table for all requests from now on. `change` may run more than once when others change it too.
    pub fn update(&self, change: impl Fn(&mut Table)) {
        self.0.rcu(|table| {
            let mut table = Table::clone(table);
            change(&mut table);
            table
        });
    }

    pub(crate) fn find(&self, uri: &Uri, headers: &HeaderMap) -> Found {
        self.0.load().find(uri, headers)
    }
}

/// Answers the host that a request names, without port and final dot: of an absolute target, else of `Host`
/// (RFC 9112 §3.2.2).
fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = match uri.host() {
        Some(host) => host,
        None => without_port(headers.get(HOST)?.to_str().ok()?),
    };
    Some(host.strip_suffix('.').unwrap_or(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn lower(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn table() -> Table {
        let mut table = Table::new("functions.example");
        for (namespace, name) in [
            ("default", "hello"),
            ("team", "hello"),
            ("default", "Hello_World"),
            ("default", "x"),
        ] {
            table.insert(&namespace.parse().unwrap(), name, Target::split(Vec::new()));
        }
        table
    }

    fn find(table: &Table, host: &str, target: &str) -> String {
        let mut headers = HeaderMap::new();
        if !host.is_empty() {
            headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        }
        match table.find(&target.parse().unwrap(), &headers) {
            Found::Function(_, Forward::AsIs) => "as is".to_owned(),
            Found::Function(_, Forward::Path(path)) => path.to_string(),
            Found::Unknown(label) => format!("unknown {label}"),
            Found::Elsewhere => "elsewhere".to_owned(),
        }
    }

    #[test]
    fn hosts_are_matched_first_then_paths() {
        let table = table();
        for (host, target, found) in [
            ("hello.functions.example", "/function/x/y", "as is"),
            ("hello.functions.example:8080", "/", "as is"),
            ("HELLO.Functions.Example.", "/", "as is"),
            ("hello.team.functions.example", "/", "as is"),
            ("nobody.functions.example", "/api/v1/x", "unknown nobody"),
            ("hello.other.functions.example", "/", "unknown hello.other"),
            ("a.b.c.functions.example", "/", "unknown a.b.c"),
            ("functions.example", "/ui/", "elsewhere"),
            ("notfunctions.example", "/", "elsewhere"),
            ("hello.functions.example.org", "/", "elsewhere"),
            ("127.0.0.1:8080", "/function/hello", "/"),
            ("[::1]:8080", "/function/hello/", "/"),
            ("[::1]", "/function/hello/a/b?c=d", "/a/b?c=d"),
            ("", "/function/hello?c=/d", "/?c=/d"),
            ("", "/function/hello.team/a%2Fb", "/a%2Fb"),
            ("", "/function/Hello_World//", "//"),
            ("", "/function/nobody/x", "unknown nobody"),
            ("", "/function/", "unknown "),
            ("", "/function", "elsewhere"),
            ("", "/functions/hello", "elsewhere"),
            ("ignored", "http://hello.functions.example/x", "as is"),
            (
                "hello.functions.example",
                "http://elsewhere.example/x",
                "elsewhere",
            ),
        ] {
            assert_eq!(find(&table, host, target), found, "{host} {target}");
        }
    }

    #[test]
    fn a_root_takes_what_names_no_function_and_nothing_else() {
        let mut table = table();
        table.at_root(Target::split(Vec::new()));
        assert_eq!(find(&table, "localhost", "/a?b"), "as is");
        assert_eq!(find(&table, "localhost", "/function/hello/a"), "/a");
        assert_eq!(find(&table, "localhost", "/function/nobody"), "unknown nobody");
    }

    #[test]
    fn what_is_removed_is_unknown() {
        let mut table = table();
        let team: Namespace = "team".parse().unwrap();
        assert!(table.remove(&team, "hello").is_some());
        assert!(table.remove(&team, "hello").is_none());
        assert_eq!(find(&table, "", "/function/hello.team"), "unknown hello.team");
    }
}
