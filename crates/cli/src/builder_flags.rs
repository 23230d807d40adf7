//! The flags of the Function Builder API, and what they and the environment come to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use coracle_build::{Builder, Registries, Surroundings};
use coracle_distribution::{Anonymous, Credentials, DockerConfig, First};
use coracle_fetch::{FetchConfig, Fetcher, Reach};
use coracle_platform::{
    Bounds, EmptySecret, InvalidSealingKey, InvalidTenant, NativeContexts, PayloadKey, SealingKey, Tenant,
};
use coracle_server::{BuilderSenders, BuilderSettings, Contexts, OwnImages};
use coracle_spec::{Class, Failure, Span};

use crate::context::Context;
use crate::engine::{self, EngineError, Keeper};
use crate::error::Error;
use crate::settings;

/// How many builds run at once when nothing is said.
const RUNNING: usize = 16;
/// How long a build may take when nothing is said.
const TIMEOUT: Duration = Duration::from_mins(30);

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Functions, their registry and builds
    All,
    /// Builds only, with the registry and the probes
    Builder,
}

/// The flags of the Function Builder API.
#[derive(Debug, Args)]
#[command(next_help_heading = "Function Builder API")]
pub(crate) struct BuilderFlags {
    /// What the server does.
    #[arg(
        long,
        value_enum,
        help = "What the server does, as in `CORACLE_ROLE` [default: all]"
    )]
    role: Option<Role>,
    /// A file with a secret that bodies are signed with, for the tenant, else one of the file's name; may be given several times [default: auth/payload-secret in the data directory, for the tenant `default`]
    #[arg(long, value_name = "[TENANT=]FILE")]
    payload_secret: Vec<Owned>,
    /// A Docker `config.json` with the tenant's logins to registries; may be given several times
    #[arg(long, value_name = "[TENANT=]FILE")]
    registry_config: Vec<Owned>,
    /// A file with the private key that build secrets are sealed for [default: auth/build-secrets-key in the data directory]
    #[arg(long, value_name = "FILE")]
    build_secrets_key: Option<PathBuf>,
    /// How many builds run at once, 0 for any number [default: 16]
    #[arg(long, value_name = "COUNT")]
    max_inflight: Option<usize>,
    /// How many builds wait when as many run; with none, clients are told to come again [default: 0]
    #[arg(long, value_name = "COUNT")]
    queue: Option<usize>,
    /// How long a build may take, its wait and its push included [default: 30m]
    #[arg(long, value_name = "SPAN")]
    build_timeout: Option<Span>,
    /// Do not take the same signed body again for this long
    #[arg(long, value_name = "SPAN")]
    replay_window: Option<Span>,
    /// A registry that may speak plain HTTP; may be given several times
    #[arg(long, value_name = "HOST")]
    insecure_registry: Vec<String>,
    /// Take everybody's bodies, signed or not
    #[arg(long, conflicts_with = "payload_secret")]
    disable_hmac: bool,
}

/// A file of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    tenant: Option<Tenant>,
    file: PathBuf,
}

impl FromStr for Owned {
    type Err = InvalidTenant;

    fn from_str(text: &str) -> Result<Self, InvalidTenant> {
        match text.split_once('=') {
            Some((tenant, file)) if !tenant.contains('/') => Ok(Self {
                tenant: Some(tenant.parse()?),
                file: file.into(),
            }),
            _ => Ok(Self {
                tenant: None,
                file: text.into(),
            }),
        }
    }
}

/// Why the flags and the environment come to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuilderFlagsError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A name is no tenant's.
    #[error(transparent)]
    Tenant(#[from] InvalidTenant),
    /// Two files are called the same, and are not said to be of one tenant.
    #[error("two payload secrets are in files called `{0}`")]
    SameName(Tenant),
    /// Two tenants have the same secret.
    #[error("`{}` holds the same payload secret as another tenant's file", .0.display())]
    SameSecret(PathBuf),
    /// A secret is empty.
    #[error(transparent)]
    Empty(#[from] EmptySecret),
    /// A file holds no key.
    #[error("cannot use the key in `{}`", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InvalidSealingKey,
    },
    /// It is not said whose logins these are.
    #[error("it is not said whose logins `{}` holds", .0.display())]
    Whose(PathBuf),
    /// The role is none.
    #[error("`{0}` is no role: expected `all` or `builder`")]
    Role(String),
}

impl Failure for BuilderFlagsError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::SameName(_) => Some("name the tenants: `--payload-secret TENANT=FILE`".to_owned()),
            Self::Whose(_) => Some("name the tenant: `--registry-config TENANT=FILE`".to_owned()),
            Self::Key { source, .. } => source.hint(),
            _ => None,
        }
    }
}

impl BuilderFlags {
    /// Answers what the server does.
    pub(crate) fn role(&self, set: &settings::Builder) -> Result<coracle_server::Role, BuilderFlagsError> {
        let role = match (self.role, &set.role) {
            (Some(role), _) => role,
            (None, Some(text)) => {
                Role::from_str(text, false).map_err(|_| BuilderFlagsError::Role(text.clone()))?
            }
            (None, None) => Role::All,
        };
        Ok(match role {
            Role::All => coracle_server::Role::All,
            Role::Builder => coracle_server::Role::Builder,
        })
    }

    /// Adds the registries that may speak plain HTTP.
    pub(crate) fn reach(&self, registries: &mut coracle_distribution::Settings) {
        registries.insecure.extend(self.insecure_registry.iter().cloned());
    }

    /// Answers what the server's Function Builder is: flags win over the environment.
    pub(crate) fn settings(&self, keeper: &Keeper, context: &Context) -> Result<BuilderSettings, Error> {
        let set = &context.settings.builder;
        let senders = self.senders(set)?;
        let logins = self.logins(set, &senders)?;
        let running = self.max_inflight.or(set.max_inflight).unwrap_or(RUNNING);
        let span = |flag: Option<Span>, set: Option<Span>| flag.or(set).map(|Span(span)| span);
        Ok(BuilderSettings {
            senders,
            sealing: self.sealing(set)?,
            bounds: Bounds {
                running: NonZeroUsize::new(running),
                waiting: self.queue.or(set.queue).unwrap_or(0),
            },
            timeout: span(self.build_timeout, set.timeout).unwrap_or(TIMEOUT),
            replay_window: span(self.replay_window, set.replay_window),
            contexts: self.contexts(keeper, context, &logins)?,
            logins,
        })
    }

    fn senders(&self, set: &settings::Builder) -> Result<BuilderSenders, BuilderFlagsError> {
        let files = chosen(&self.payload_secret, set.payload_secret.as_deref())?;
        if self.disable_hmac || (set.disable_hmac && self.payload_secret.is_empty()) {
            return Ok(BuilderSenders::Anybody);
        }
        if files.is_empty() {
            return Ok(BuilderSenders::Own);
        }
        let (mut keys, mut unnamed, mut secrets) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        for Owned { tenant, file } in files {
            let secret = read(&file)?;
            let tenant = match tenant {
                Some(tenant) => tenant,
                None => name_of(&file, &mut unnamed)?,
            };
            let owner = secrets
                .entry(secret.trim().to_owned())
                .or_insert_with(|| tenant.clone());
            if *owner != tenant {
                return Err(BuilderFlagsError::SameSecret(file));
            }
            keys.push(PayloadKey::new(tenant, &secret)?);
        }
        Ok(BuilderSenders::Keys(keys))
    }

    fn logins(
        &self,
        set: &settings::Builder,
        senders: &BuilderSenders,
    ) -> Result<BTreeMap<Tenant, Arc<dyn Credentials>>, BuilderFlagsError> {
        let mut files: BTreeMap<_, Vec<Arc<dyn Credentials>>> = BTreeMap::new();
        for Owned { tenant, file } in chosen(&self.registry_config, set.registry_config.as_deref())? {
            // What is not there would only be missed by the first push.
            read(&file)?;
            let tenant = tenant.or_else(|| only(senders));
            let tenant = tenant.ok_or_else(|| BuilderFlagsError::Whose(file.clone()))?;
            let logins = files.entry(tenant).or_default();
            logins.push(Arc::new(DockerConfig::at(file)));
        }
        let one = |(tenant, files)| (tenant, Arc::new(First::of(files)) as Arc<dyn Credentials>);
        Ok(files.into_iter().map(one).collect())
    }

    fn sealing(&self, set: &settings::Builder) -> Result<Option<SealingKey>, BuilderFlagsError> {
        let Some(path) = self.build_secrets_key.as_ref().or(set.build_secrets_key.as_ref()) else {
            return Ok(None);
        };
        let key = SealingKey::parse(&read(path)?);
        key.map(Some).map_err(|source| BuilderFlagsError::Key {
            path: path.clone(),
            source,
        })
    }

    /// Answers what builds contexts: with the host's certificates and proxies, and nothing of its package managers or
    /// its logins.
    fn contexts(
        &self,
        keeper: &Keeper,
        context: &Context,
        logins: &BTreeMap<Tenant, Arc<dyn Credentials>>,
    ) -> Result<Contexts, Error> {
        let store = engine::open_store(&context.settings)?;
        let mut tools = engine::tools(&store, keeper, &context.settings)?;
        tools.fetcher = Fetcher::new(FetchConfig {
            reach: Reach::Public,
            ..context.settings.outside.fetch_config()
        })
        .map_err(EngineError::from)?;
        tools.surroundings = Surroundings {
            registries: Registries::default(),
            ..tools.surroundings
        };
        let mut registries = context.settings.registries.client(&context.settings.outside);
        self.reach(&mut registries);
        let client = coracle_distribution::Client::new(store.clone(), registries);
        let logins = logins.clone();
        Ok(Arc::new(move |own: OwnImages| {
            let (tools, client, logins) = (tools.clone(), client.clone(), logins.clone());
            let builder_of = move |tenant: &Tenant| {
                let login = logins.get(tenant).cloned().unwrap_or_else(|| Arc::new(Anonymous));
                let images = client.of_party(tenant.as_str(), login);
                Builder::new(coracle_build::Tools {
                    images: images.finding(own.of(tenant)),
                    ..tools.clone()
                })
            };
            Arc::new(NativeContexts::new(Box::new(builder_of), store.clone())) as _
        }))
    }
}

/// Answers the files that the flags name, else those of the variable, which has commas between them.
fn chosen(flags: &[Owned], variable: Option<&str>) -> Result<Vec<Owned>, InvalidTenant> {
    if !flags.is_empty() {
        return Ok(flags.to_vec());
    }
    let texts = variable.unwrap_or_default().split(',').map(str::trim);
    texts.filter(|text| !text.is_empty()).map(str::parse).collect()
}

/// Answers the first file that the variable names.
pub(crate) fn first_file(variable: Option<&str>) -> Result<Option<PathBuf>, BuilderFlagsError> {
    let files = chosen(&[], variable)?;
    Ok(files.into_iter().next().map(|owned| owned.file))
}

/// Answers the tenant that a file's name names, which no other's does.
fn name_of(file: &Path, others: &mut BTreeSet<Tenant>) -> Result<Tenant, BuilderFlagsError> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let tenant: Tenant = name.parse()?;
    if others.insert(tenant.clone()) {
        Ok(tenant)
    } else {
        Err(BuilderFlagsError::SameName(tenant))
    }
}

/// Answers the only tenant, if there is only one.
fn only(senders: &BuilderSenders) -> Option<Tenant> {
    match senders {
        BuilderSenders::Own | BuilderSenders::Anybody => Some(Tenant::default()),
        BuilderSenders::Keys(keys) => {
            let first = keys.first()?.tenant();
            keys.iter()
                .all(|key| key.tenant() == first)
                .then(|| first.clone())
        }
    }
}

fn read(path: &Path) -> Result<String, BuilderFlagsError> {
    fs_err::read_to_string(path).map_err(|source| BuilderFlagsError::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(payload: &[String]) -> BuilderFlags {
        BuilderFlags {
            role: None,
            payload_secret: payload.iter().map(|text| text.parse().unwrap()).collect(),
            registry_config: Vec::new(),
            build_secrets_key: None,
            max_inflight: None,
            queue: None,
            build_timeout: None,
            replay_window: None,
            insecure_registry: Vec::new(),
            disable_hmac: false,
        }
    }

    /// The tenants that these files' secrets are of, in order.
    fn tenants(files: &[(&str, &str)]) -> Result<Vec<String>, BuilderFlagsError> {
        let folder = tempfile::tempdir().unwrap();
        let mut arguments = Vec::new();
        for (argument, secret) in files {
            let (tenant, path) = argument
                .split_once('=')
                .map_or((None, *argument), |(tenant, path)| (Some(tenant), path));
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, secret).unwrap();
            let tenant = tenant.map(|tenant| format!("{tenant}=")).unwrap_or_default();
            arguments.push(format!("{tenant}{}", path.display()));
        }
        match flags(&arguments).senders(&settings::Builder::default())? {
            BuilderSenders::Keys(keys) => Ok(keys.iter().map(|key| key.tenant().to_string()).collect()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_secret_is_the_tenants_that_is_named_or_that_the_file_is_called() {
        let named = tenants(&[("acme=old", "a"), ("acme=new", "b"), ("x/globex.key", "c")]).unwrap();
        assert_eq!(named, ["acme", "acme", "globex"]);
    }

    #[test]
    fn what_could_mix_tenants_up_is_refused() {
        for (files, reason) in [
            (
                &[("a/secret", "1"), ("b/secret", "2")][..],
                "in files called `secret`",
            ),
            (
                &[("one=a", "same"), ("two=b", "same\n")],
                "the same payload secret",
            ),
            (&[("one=a", " \n")], "is empty"),
        ] {
            let error = tenants(files).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn nothing_said_means_the_data_directorys_secret_and_one_tenants_logins_need_no_name() {
        let set = settings::Builder::default();
        assert!(matches!(flags(&[]).senders(&set).unwrap(), BuilderSenders::Own));
        assert_eq!(only(&BuilderSenders::Own), Some(Tenant::default()));
        let key = |tenant: &str| PayloadKey::new(tenant.parse().unwrap(), tenant).unwrap();
        assert_eq!(only(&BuilderSenders::Keys(vec![key("a"), key("b")])), None);
    }
}
