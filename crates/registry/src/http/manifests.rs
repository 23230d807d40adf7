//! Manifests on their way in and out.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH};
use http::{Method, Response, StatusCode};

use super::answer::{self, CONTENT_DIGEST, set};
use super::body::Body;
use super::fault::Fault;
use super::incoming::Incoming;
use super::service::{Service, blocking};
use crate::error::RegistryError;
use crate::manifests::{Manifest, Pushed};
use crate::names::{Reference, Repository};
use crate::registry::Registry;

/// Says that what a manifest is about was noted.
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// `HEAD` and `GET` of a manifest.
pub(super) async fn get(
    service: &Service,
    (method, headers): (&Method, &HeaderMap),
    (repository, reference): (Repository, Reference),
) -> Result<Response<Body>, Fault> {
    let registry = service.registry().clone();
    let (manifest, bytes) = blocking(move || read(&registry, &repository, &reference)).await?;
    let tag = format!("\"{}\"", manifest.digest);
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = match method {
        _ if known => answer::status(StatusCode::NOT_MODIFIED),
        &Method::HEAD => Response::new(Body::of_length(manifest.size)),
        _ => Response::new(Body::from(bytes)),
    };
    if !known {
        set(&mut response, CONTENT_LENGTH, &manifest.size.to_string());
    }
    set(&mut response, CONTENT_TYPE, &manifest.media_type);
    set(&mut response, CONTENT_DIGEST, &manifest.digest.to_string());
    set(&mut response, ETAG, &tag);
    set(&mut response, CACHE_CONTROL, "private, no-cache");
    Ok(response)
}

fn read(
    registry: &Registry,
    repository: &Repository,
    reference: &Reference,
) -> Result<(Manifest, Bytes), RegistryError> {
    let missing = || RegistryError::NoManifest {
        repository: repository.clone(),
        reference: reference.clone(),
    };
    let manifest = registry.resolve(repository, reference)?.ok_or_else(missing)?;
    let blob = registry.store().blob(&manifest.digest)?.ok_or_else(missing)?;
    let bytes = blob.read(registry.limits().manifest)?;
    Ok((manifest, Bytes::from(bytes)))
}

/// `PUT` of a manifest.
pub(super) async fn put<B>(
    service: &Service,
    (repository, reference): (Repository, Reference),
    headers: &HeaderMap,
    body: &mut Incoming<B>,
) -> Result<Response<Body>, Fault>
where
    B: http_body::Body<Data = Bytes>,
{
    let media_type = media_type(headers);
    let _place = service
        .pushes
        .try_acquire()
        .map_err(|_| RegistryError::TooMany("pushes"))?;
    let bytes = body.whole(service.registry().limits().manifest).await?;
    let registry = service.registry().clone();
    let location = format!("/v2/{repository}/manifests/{reference}");
    let taken = blocking(move || {
        let pushed = Pushed {
            reference: &reference,
            media_type: media_type.as_deref(),
            bytes: &bytes,
        };
        registry.put_manifest(&repository, &pushed)
    })
    .await?;
    let mut response = answer::created(&location, &taken.digest);
    if let Some(subject) = taken.subject {
        set(&mut response, OCI_SUBJECT, &subject.to_string());
    }
    Ok(response)
}

/// `DELETE` of a manifest or a tag.
pub(super) async fn remove(
    service: &Service,
    (repository, reference): (Repository, Reference),
) -> Result<Response<Body>, Fault> {
    let registry = service.registry().clone();
    blocking(move || registry.remove_manifest(&repository, &reference)).await?;
    Ok(answer::status(StatusCode::ACCEPTED))
}

/// Answers the type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let plain = text.split(';').next().unwrap_or_default().trim();
    (!plain.is_empty()).then(|| plain.to_owned())
}
