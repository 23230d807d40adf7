//! Lists: of repositories, of tags, of referrers.

use coracle_spec::Digest;
use http::header::{HeaderName, LINK};
use http::{Response, Uri};
use serde::Serialize;

use super::answer::{json, set};
use super::body::Body;
use super::fault::Fault;
use super::query::{parameter, written};
use super::service::{Service, blocking};
use crate::document::{OCI_INDEX, Referrer};
use crate::error::RegistryError;
use crate::names::Repository;
use crate::pages::{Asked, Page, page};
use crate::registry::Registry;

const JSON: &str = "application/json";
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// The most referrers of one answer, and the most bytes that their descriptors have: what clients take as an index.
const MOST: (usize, usize) = (1000, 3 << 20);

#[derive(Serialize)]
struct Tags<'a> {
    name: &'a str,
    tags: Vec<String>,
}

#[derive(Serialize)]
struct Catalog {
    repositories: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<Referrer>,
}

/// `GET` of the tags of a repository.
pub(super) async fn tags(
    service: &Service,
    repository: Repository,
    uri: &Uri,
) -> Result<Response<Body>, Fault> {
    let (registry, asked) = (service.registry().clone(), asked(uri)?);
    let named = repository.clone();
    let tags = blocking(move || registry.tags(&named)).await?;
    let Page { names, next } = page(tags.iter().map(ToString::to_string).collect(), &asked);
    let mut response = json(
        JSON,
        &Tags {
            name: repository.as_str(),
            tags: names,
        },
    );
    link(&mut response, uri, (next.as_deref(), asked.count));
    Ok(response)
}

/// `GET` of the repositories.
pub(super) async fn catalog(service: &Service, uri: &Uri) -> Result<Response<Body>, Fault> {
    let (registry, asked) = (service.registry().clone(), asked(uri)?);
    let repositories = blocking(move || registry.repositories()).await?;
    let names = repositories.iter().map(ToString::to_string).collect();
    let Page { names, next } = page(names, &asked);
    let mut response = json(JSON, &Catalog { repositories: names });
    link(&mut response, uri, (next.as_deref(), asked.count));
    Ok(response)
}

/// `GET` of what refers to a manifest.
pub(super) async fn referrers(
    service: &Service,
    (repository, subject): (Repository, Digest),
    uri: &Uri,
) -> Result<Response<Body>, Fault> {
    let registry = service.registry().clone();
    let wanted = parameter(uri, "artifactType").filter(|text| !text.is_empty());
    let after = parameter(uri, "last")
        .map(|text| crate::digest::parse(&text))
        .transpose()?;
    let filter = wanted.clone();
    let (manifests, next) =
        blocking(move || collect(&registry, (&repository, &subject), (after, filter.as_deref()))).await?;
    let index = Index {
        schema_version: 2,
        media_type: OCI_INDEX,
        manifests,
    };
    let mut response = json(OCI_INDEX, &index);
    if wanted.is_some() {
        set(&mut response, FILTERS_APPLIED, "artifactType");
    }
    if let Some(next) = next {
        let mut query = vec![("last", next.as_str())];
        query.extend(wanted.as_deref().map(|wanted| ("artifactType", wanted)));
        set_link(&mut response, uri, &query);
    }
    Ok(response)
}

/// Reads referrers until an answer is full; answers them, and where the next one begins.
fn collect(
    registry: &Registry,
    (repository, subject): (&Repository, &Digest),
    (after, wanted): (Option<Digest>, Option<&str>),
) -> Result<(Vec<Referrer>, Option<String>), RegistryError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let mut last = None;
    for digest in registry.referring(repository, subject)? {
        if after.is_some_and(|after| digest <= after) {
            continue;
        }
        if found.len() >= MOST.0 || bytes >= MOST.1 {
            return Ok((found, last));
        }
        let referrer = registry.referrer(repository, (subject, &digest))?;
        let is_wanted =
            |one: &Referrer| wanted.is_none_or(|wanted| one.artifact_type.as_deref() == Some(wanted));
        if let Some(referrer) = referrer.filter(is_wanted) {
            bytes += size_of(&referrer);
            found.push(referrer);
        }
        last = Some(digest.to_string());
    }
    Ok((found, None))
}

/// Answers about how many bytes a descriptor takes.
fn size_of(referrer: &Referrer) -> usize {
    let annotations = referrer.annotations.iter();
    annotations
        .map(|(key, value)| key.len() + value.len())
        .sum::<usize>()
        + 300
}

fn asked(uri: &Uri) -> Result<Asked, Fault> {
    let count = parameter(uri, "n").map(|text| text.parse::<usize>());
    Ok(Asked {
        count: count
            .transpose()
            .map_err(|_| Fault::Head("`n` is not a number"))?,
        last: parameter(uri, "last"),
    })
}

/// Says where the next page is (RFC 8288).
fn link(response: &mut Response<Body>, uri: &Uri, (next, count): (Option<&str>, Option<usize>)) {
    let Some(next) = next else { return };
    let count = count.map(|count| count.to_string());
    let mut query = vec![("last", next)];
    query.extend(count.as_deref().map(|count| ("n", count)));
    set_link(response, uri, &query);
}

fn set_link(response: &mut Response<Body>, uri: &Uri, query: &[(&str, &str)]) {
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), written(query));
    set(response, LINK, &link);
}
