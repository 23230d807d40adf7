//! Manifests that are refused, and lists.

use coracle_spec::Digest;

use crate::world::{INDEX, World, manifest};

#[tokio::test]
async fn a_manifest_whose_parts_are_not_there_is_refused() {
    let world = World::new();
    let there = world.push("a", b"{}").await;
    world.push("b", b"elsewhere").await;
    for missing in [Digest::of("nowhere"), Digest::of("elsewhere")] {
        let answer = world.push_manifest(("a", "x"), &manifest(&there, &missing)).await;
        assert_eq!(answer.code(), "MANIFEST_BLOB_UNKNOWN");
    }
    let index = format!(
        r#"{{"mediaType":"{INDEX}","manifests":[{{"digest":"{}"}}]}}"#,
        Digest::of("no")
    );
    assert_eq!(
        world.push_manifest(("a", "x"), &index).await.code(),
        "MANIFEST_BLOB_UNKNOWN"
    );
    let other = Digest::of("other").to_string();
    let answer = world
        .push_manifest(("a", &other), &manifest(&there, &there))
        .await;
    assert_eq!(answer.code(), "DIGEST_INVALID");
    assert_eq!(
        world.push_manifest(("a", "x"), "{").await.code(),
        "MANIFEST_INVALID"
    );
    assert_eq!(
        world.push_manifest(("a", ".x"), "{}").await.code(),
        "MANIFEST_INVALID"
    );
    assert_eq!(
        world.get("/v2/a/tags/list").await.json()["tags"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[tokio::test]
async fn an_index_of_images_is_taken_and_so_is_one_of_blobs() {
    let world = World::new();
    let image = world.push_image("a", "one", "layer").await;
    let layer = world.push("a", b"cached").await;
    for part in [image, layer] {
        let index =
            format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"digest":"{part}"}}]}}"#);
        assert_eq!(world.push_manifest(("a", "all"), &index).await.status, 201);
    }
}

#[tokio::test]
async fn tags_come_in_pages_that_lead_to_the_next() {
    let world = World::new();
    let text = world.push_parts("a", "layer").await;
    for tag in ["c", "A", "b", "D"] {
        world.push_manifest(("a", tag), &text).await;
    }
    let all = world.get("/v2/a/tags/list").await.json();
    assert_eq!(
        all,
        serde_json::json!({"name": "a", "tags": ["A", "b", "c", "D"]})
    );
    let first = world.get("/v2/a/tags/list?n=3").await;
    assert_eq!(first.json()["tags"], serde_json::json!(["A", "b", "c"]));
    assert_eq!(first.header("link"), "</v2/a/tags/list?last=c&n=3>; rel=\"next\"");
    let second = world.get("/v2/a/tags/list?last=c&n=3").await;
    assert_eq!(second.json()["tags"], serde_json::json!(["D"]));
    assert_eq!(second.header("link"), "");
    let none = world.get("/v2/a/tags/list?n=0").await;
    assert_eq!(
        (none.json()["tags"].as_array().unwrap().len(), none.header("link")),
        (0, "")
    );
    assert_eq!(world.get("/v2/a/tags/list?n=-1").await.status, 400);
    let catalog = world.get("/v2/_catalog").await.json();
    assert_eq!(catalog, serde_json::json!({"repositories": ["a"]}));
}

#[tokio::test]
async fn what_refers_to_a_manifest_is_listed_and_filtered() {
    let world = World::new();
    let subject = world.push_image("a", "latest", "layer").await;
    let part = world.push("a", b"{}").await;
    let about = |kind: &str| {
        format!(
            r#"{{"schemaVersion":2,"artifactType":"{kind}","config":{{"mediaType":"x/config","digest":"{part}"}},"layers":[],"subject":{{"digest":"{subject}"}},"annotations":{{"k":"{kind}"}}}}"#
        )
    };
    for kind in ["t/one", "t/two", ""] {
        let text = about(kind);
        let answer = world
            .push_manifest(("a", &Digest::of(&text).to_string()), &text)
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("oci-subject")),
            (201, subject.to_string().as_str())
        );
    }
    let listed = world.get(&format!("/v2/a/referrers/{subject}")).await;
    assert_eq!(listed.header("content-type"), INDEX);
    let mut kinds: Vec<_> = listed.json()["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["artifactType"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["t/one", "t/two", "x/config"]);
    let one = world
        .get(&format!("/v2/a/referrers/{subject}?artifactType=t/one"))
        .await;
    assert_eq!(one.header("oci-filters-applied"), "artifactType");
    let manifests = one.json()["manifests"].clone();
    assert_eq!(
        (
            manifests.as_array().unwrap().len(),
            manifests[0]["annotations"]["k"].as_str()
        ),
        (1, Some("t/one"))
    );
    world
        .delete(&format!("/v2/a/manifests/{}", Digest::of(about("t/one"))))
        .await;
    let listed = world.get(&format!("/v2/a/referrers/{subject}")).await.json();
    assert_eq!(listed["manifests"].as_array().unwrap().len(), 2);
    let nobody = world
        .get(&format!("/v2/a/referrers/{}", Digest::of("nobody")))
        .await;
    assert_eq!(
        (
            nobody.status.as_u16(),
            nobody.json()["manifests"].as_array().unwrap().len()
        ),
        (200, 0)
    );
}
