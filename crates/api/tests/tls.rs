//! Servers behind TLS, as the client meets them: a real one, with an authority of its own.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "test code")]

use std::path::Path;
use std::sync::Arc;

use coracle_api::client::Trust;
use coracle_api::{Client, ClientError, Credentials, Endpoint};
use coracle_spec::{Class, Failure as _};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const ANSWER: &str = r#"{"version": "9", "public_url": "https://there", "domain": "there", "pid": 1}"#;

/// Makes an authority and a server for `host` that it vouches for; writes the authority to `bundle`.
fn certified(host: &str, bundle: &Path) -> ServerConfig {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    fs_err::write(bundle, certificate.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new([host.to_owned()]).unwrap();
    let server = server
        .signed_by(&key, &Issuer::new(authority, authority_key))
        .unwrap();
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![server.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap()
}

/// Answers every request with the same, and the port where it does.
async fn serve(config: ServerConfig) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut asked = [0; 4096];
            let count = stream.read(&mut asked).await.unwrap();
            assert!(asked[..count].starts_with(b"GET /api/v1/server HTTP/1.1"));
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(ANSWER.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    port
}

fn client(port: u16, trust: Trust) -> Client {
    let endpoint: Endpoint = format!("https://127.0.0.1:{port}").parse().unwrap();
    Client::new(endpoint, Credentials::admin("sesame")).trusting(trust)
}

#[tokio::test]
async fn a_server_is_believed_when_its_authority_is_in_the_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    let port = serve(certified("127.0.0.1", &bundle)).await;
    let server = client(port, Trust::bundle(bundle)).server().await.unwrap();
    assert_eq!(server.version, "9");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let port = serve(certified("127.0.0.1", &folder.path().join("ca.pem"))).await;
    let error = client(port, Trust::built_in()).server().await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");
    assert!(
        error.hint().unwrap().contains("SSL_CERT_FILE"),
        "{:?}",
        error.hint()
    );
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    let port = serve(certified("elsewhere.example", &bundle)).await;
    let error = client(port, Trust::bundle(bundle)).server().await.unwrap_err();
    let ClientError::Untrusted { source, .. } = &error else {
        panic!("{error:?}")
    };
    let said = source.to_string();
    assert!(
        said.contains("`elsewhere.example`") && said.contains("`127.0.0.1`"),
        "{said}"
    );
    assert!(error.hint().unwrap().contains("replace the certificate"));
}

#[tokio::test]
async fn a_bundle_that_is_not_there_or_empty_is_the_users_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs_err::write(&empty, "").unwrap();
    for bundle in [empty, folder.path().join("missing.pem")] {
        let error = client(1, Trust::bundle(bundle)).server().await.unwrap_err();
        assert!(matches!(error, ClientError::Trust(_)), "{error}");
        assert_eq!(error.class(), Class::User);
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_from_one_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // What is not read would make the end a reset.
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
        }
    });
    let error = client(port, Trust::built_in()).server().await.unwrap_err();
    assert!(error.hint().unwrap().contains("`http://`"), "{error:?}");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let error = client(port, Trust::built_in()).server().await.unwrap_err();
    assert!(error.hint().unwrap().contains("`coracle serve`"), "{error:?}");
}
