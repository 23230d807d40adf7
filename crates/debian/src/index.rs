//! What the archive offers: of each package the highest version over all suites, and who provides which name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufRead};

use coracle_spec::Digest;

use crate::relation;
use crate::release::Part;
use crate::stanza::{Stanza, Stanzas};
use crate::version::Version;

/// A package as an index describes it; the dependency fields are kept as text, since few of them are ever read.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: Box<str>,
    pub(crate) version: Version,
    pub(crate) part: Part,
    pub(crate) path: Box<str>,
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
    priority: usize,
    depends: [Box<str>; 2],
    provides: Box<str>,
    excludes: [Box<str>; 2],
}

impl Package {
    /// Reads the stanza of a package; one without a file in the pool is none.
    fn from_stanza(stanza: Stanza<'_>, part: Part) -> Option<Self> {
        let mut package = Self {
            name: "".into(),
            version: Version::new(""),
            part,
            path: "".into(),
            size: 0,
            sha256: Digest::of(""),
            priority: priority(""),
            depends: ["".into(), "".into()],
            provides: "".into(),
            excludes: ["".into(), "".into()],
        };
        for (field, value) in stanza.fields() {
            match field {
                "Package" => package.name = value.into(),
                "Version" => package.version = Version::new(value),
                "Filename" => package.path = value.into(),
                "Size" => package.size = value.parse().ok()?,
                "SHA256" => package.sha256 = format!("sha256:{value}").parse().ok()?,
                "Priority" => package.priority = priority(value),
                "Pre-Depends" => package.depends[0] = value.into(),
                "Depends" => package.depends[1] = value.into(),
                "Provides" => package.provides = value.into(),
                "Conflicts" => package.excludes[0] = value.into(),
                "Breaks" => package.excludes[1] = value.into(),
                _ => {}
            }
        }
        let complete = !package.name.is_empty() && package.size > 0 && is_pool_path(&package.path);
        complete.then_some(package)
    }

    /// Answers the groups of `Pre-Depends`, then those of `Depends`.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = Vec<relation::Relation<'_>>> {
        self.depends.iter().flat_map(|field| relation::groups(field))
    }

    /// Answers what `Conflicts` and `Breaks` exclude.
    pub(crate) fn exclusions(&self) -> impl Iterator<Item = relation::Relation<'_>> {
        self.excludes.iter().flat_map(|field| relation::list(field))
    }

    /// Answers whether this package, or a name that it provides, is what `relation` names.
    pub(crate) fn satisfies(&self, relation: &relation::Relation<'_>) -> bool {
        if *self.name == *relation.name && relation.admits(&self.version) {
            return true;
        }
        relation::list(&self.provides).any(|provided| {
            provided.name == relation.name && relation.admits_provided(provided.provided_version())
        })
    }
}

/// Refuses paths that would lead out of the archive's tree.
pub(crate) fn is_pool_path(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != ".." && part != ".")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%' | b'\\'))
}

fn priority(word: &str) -> usize {
    ["required", "important", "standard", "optional"]
        .iter()
        .position(|known| *known == word)
        .unwrap_or(4)
}

/// The packages of a release.
#[derive(Debug, Default)]
pub(crate) struct Index {
    packages: HashMap<Box<str>, Package>,
    providers: HashMap<Box<str>, Vec<Box<str>>>,
}

impl Index {
    /// Adds the packages of one `Packages` file.
    pub(crate) fn read(&mut self, input: impl BufRead, part: Part) -> io::Result<()> {
        let mut stanzas = Stanzas::new(input);
        while let Some(stanza) = stanzas.next()? {
            if let Some(package) = Package::from_stanza(stanza, part) {
                self.add(package);
            }
        }
        Ok(())
    }

    fn add(&mut self, package: Package) {
        match self.packages.entry(package.name.clone()) {
            Entry::Occupied(mut known) if known.get().version < package.version => {
                known.insert(package);
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(place) => {
                place.insert(package);
            }
        }
    }

    /// Notes who provides which name; called once, when all files are read.
    pub(crate) fn finish(mut self) -> Self {
        let mut providers: HashMap<Box<str>, Vec<&Package>> = HashMap::new();
        for package in self.packages.values() {
            for provided in relation::list(&package.provides) {
                providers.entry(provided.name.into()).or_default().push(package);
            }
        }
        self.providers = providers
            .into_iter()
            .map(|(name, mut packages)| {
                packages.sort_by_key(|package| (package.priority, &package.name));
                packages.dedup_by_key(|package| &package.name);
                (
                    name,
                    packages.iter().map(|package| package.name.clone()).collect(),
                )
            })
            .collect();
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Package> {
        self.packages.get(name)
    }

    /// Answers what can meet `relation`: the package itself, then those that provide it by priority and name.
    pub(crate) fn candidates<'i>(&'i self, relation: &relation::Relation<'_>) -> Vec<&'i Package> {
        let itself = self
            .get(relation.name)
            .filter(|package| relation.admits(&package.version));
        let providers = self.providers.get(relation.name).into_iter().flatten();
        let providers = providers
            .filter(|name| &***name != relation.name)
            .filter_map(|name| self.get(name))
            .filter(|package| package.satisfies(relation));
        itself.into_iter().chain(providers).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Makes an index from stanzas that leave out what every package has.
    pub(crate) fn index(stanzas: &[&str]) -> Index {
        let mut index = Index::default();
        for stanza in stanzas {
            let hash = Digest::of(stanza).hex();
            let text = format!("{stanza}\nFilename: pool/x.deb\nSize: 1\nSHA256: {hash}\n");
            index.read(text.as_bytes(), Part::Main).expect("reads");
        }
        index.finish()
    }

    #[test]
    fn the_highest_version_of_all_suites_wins_whatever_the_order() {
        for order in [
            ["1.9", "1.10", "1.10~rc1"],
            ["1.10~rc1", "1.9", "1.10"],
            ["1.10", "1.10~rc1", "1.9"],
        ] {
            let stanzas = order.map(|version| format!("Package: a\nVersion: {version}"));
            let index = index(&stanzas.each_ref().map(String::as_str));
            assert_eq!(index.get("a").expect("known").version.as_str(), "1.10");
        }
    }

    #[test]
    fn candidates_are_the_package_itself_then_its_providers_by_priority_and_name() {
        let index = index(&[
            "Package: z\nVersion: 1\nPriority: required\nProvides: mail",
            "Package: b\nVersion: 1\nPriority: optional\nProvides: mail (= 2)",
            "Package: a\nVersion: 1\nPriority: extra\nProvides: mail",
            "Package: mail\nVersion: 1",
        ]);
        let names = |field: &str| -> Vec<String> {
            let relation = relation::list(field).next().expect("a relation");
            index
                .candidates(&relation)
                .iter()
                .map(|package| package.name.to_string())
                .collect()
        };
        assert_eq!(names("mail"), ["mail", "z", "b", "a"]);
        assert_eq!(names("mail (>= 2)"), ["b"]);
        assert_eq!(names("mail (<< 2)"), ["mail"]);
        assert!(names("nothing").is_empty());
    }

    #[test]
    fn packages_whose_path_leaves_the_archive_are_not_taken() {
        for path in [
            "/etc/passwd",
            "pool/../../x.deb",
            "",
            "pool//x",
            "pool/x y",
            "pool/x%2e.deb",
            "./x",
        ] {
            let text = format!(
                "Package: a\nVersion: 1\nFilename: {path}\nSize: 1\nSHA256: {}\n",
                Digest::of("").hex()
            );
            let mut index = Index::default();
            index.read(text.as_bytes(), Part::Main).expect("reads");
            assert!(index.packages.is_empty(), "{path}");
        }
    }
}
