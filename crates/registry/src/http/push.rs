//! Blobs on their way in.
//!
//! A client that goes away leaves what has arrived, and may ask how much that is.

use bytes::Bytes;
use coracle_content::Upload;
use coracle_spec::Digest;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap};
use http::{Response, StatusCode, Uri};
use tokio::sync::SemaphorePermit;

use super::answer;
use super::body::Body;
use super::fault::Fault;
use super::incoming::Incoming;
use super::query::parameter;
use super::range::chunk;
use super::receive::receive;
use super::service::{Service, blocking};
use crate::error::RegistryError;
use crate::names::Repository;
use crate::uploads::UploadName;

/// The head of a request that brings bytes.
pub(super) struct Head<'a> {
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

/// `POST` of uploads: mounts a blob, takes one whole, or begins an upload.
pub(super) async fn begin<B>(
    service: &Service,
    repository: Repository,
    head: Head<'_>,
    body: &mut Incoming<B>,
) -> Result<Response<Body>, Fault>
where
    B: http_body::Body<Data = Bytes>,
{
    if let Some(mounted) = mount(service, &repository, head.uri).await? {
        return Ok(mounted);
    }
    let name = UploadName::fresh(repository);
    let upload = {
        let (registry, name) = (service.registry().clone(), name.clone());
        blocking(move || registry.begin(&name)).await?
    };
    let Some(digest) = digest_of(head.uri)? else {
        drop(upload);
        return Ok(answer::upload(StatusCode::ACCEPTED, &name, 0));
    };
    let _place = place(service)?;
    let upload = receive(service, &name, upload, body).await?;
    finish(service, name, upload, digest).await
}

/// `GET` of an upload: how much has arrived.
pub(super) async fn status(service: &Service, name: UploadName) -> Result<Response<Body>, Fault> {
    let registry = service.registry().clone();
    let asked = name.clone();
    let size = blocking(move || registry.arrived(&asked)).await?;
    Ok(answer::upload(StatusCode::NO_CONTENT, &name, size))
}

/// `PATCH` of an upload: the next chunk, or all the rest in one stream.
pub(super) async fn append_chunk<B>(
    service: &Service,
    name: UploadName,
    head: Head<'_>,
    body: &mut Incoming<B>,
) -> Result<Response<Body>, Fault>
where
    B: http_body::Body<Data = Bytes>,
{
    let _place = place(service)?;
    let upload = resume(service, &name, &head).await?;
    let upload = receive(service, &name, upload, body).await?;
    let size = upload.size();
    service.registry().pause(&name, upload);
    Ok(answer::upload(StatusCode::ACCEPTED, &name, size))
}

/// `PUT` of an upload: the last chunk, if any, and the digest of the whole.
pub(super) async fn complete<B>(
    service: &Service,
    name: UploadName,
    head: Head<'_>,
    body: &mut Incoming<B>,
) -> Result<Response<Body>, Fault>
where
    B: http_body::Body<Data = Bytes>,
{
    let digest = digest_of(head.uri)?.ok_or(Fault::Head("the digest of the whole is missing: `?digest=`"))?;
    let _place = place(service)?;
    let upload = resume(service, &name, &head).await?;
    let upload = receive(service, &name, upload, body).await?;
    finish(service, name, upload, digest).await
}

/// `DELETE` of an upload.
pub(super) async fn cancel(service: &Service, name: UploadName) -> Result<Response<Body>, Fault> {
    let registry = service.registry().clone();
    blocking(move || registry.cancel(&name)).await?;
    Ok(answer::status(StatusCode::NO_CONTENT))
}

/// Mounts the blob that the query names from the repository that it names, if that has it; without one, from wherever it
/// is found. Whoever may push may read each repository, so nothing else is asked.
async fn mount(
    service: &Service,
    repository: &Repository,
    uri: &Uri,
) -> Result<Option<Response<Body>>, Fault> {
    // A name that is none names no repository that has it: the client sends the blob.
    let (Some(Ok(digest)), Ok(from)) = (
        parameter(uri, "mount").map(|text| crate::digest::parse(&text)),
        parameter(uri, "from")
            .map(|text| text.parse::<Repository>())
            .transpose(),
    ) else {
        return Ok(None);
    };
    let (registry, to) = (service.registry().clone(), repository.clone());
    let mounted = blocking(move || match from {
        Some(from) => registry.mount(&to, &digest, &from),
        None => registry.find(&to, &digest),
    });
    Ok(mounted.await?.then(|| answer::blob_created(repository, &digest)))
}

async fn resume(service: &Service, name: &UploadName, head: &Head<'_>) -> Result<Upload, Fault> {
    let said = said_range(head.headers)?;
    let (registry, asked) = (service.registry().clone(), name.clone());
    let upload = blocking(move || registry.resume(&asked)).await?;
    match said {
        Some((first, _)) if first != upload.size() => Err(Fault::OutOfOrder {
            name: name.clone(),
            expected: upload.size(),
            found: first,
        }),
        _ => Ok(upload),
    }
}

/// Answers the first and last byte that a chunk is said to have.
fn said_range(headers: &HeaderMap) -> Result<Option<(u64, u64)>, Fault> {
    let Some(range) = headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let text = range.to_str().unwrap_or_default();
    let (first, last) = chunk(text).ok_or(Fault::Head("`Content-Range` is not `FIRST-LAST`"))?;
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > 0 && length - 1 != last - first) {
        return Err(Fault::Head("`Content-Range` and `Content-Length` differ"));
    }
    Ok(Some((first, last)))
}

async fn finish(
    service: &Service,
    name: UploadName,
    upload: Upload,
    digest: Digest,
) -> Result<Response<Body>, Fault> {
    let registry = service.registry().clone();
    let repository = name.repository.clone();
    blocking(move || registry.finish(&name, upload, &digest)).await?;
    Ok(answer::blob_created(&repository, &digest))
}

fn digest_of(uri: &Uri) -> Result<Option<Digest>, Fault> {
    let text = parameter(uri, "digest");
    Ok(text.map(|text| crate::digest::parse(&text)).transpose()?)
}

/// Takes one of the places for those who send.
fn place(service: &Service) -> Result<SemaphorePermit<'_>, Fault> {
    let place = service.pushes.try_acquire();
    Ok(place.map_err(|_| RegistryError::TooMany("pushes"))?)
}
