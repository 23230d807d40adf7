//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_image_and_different_ones_are_pushed_at_once_while_somebody_collects() {
    let world = Arc::new(World::new());
    let over = Arc::new(AtomicBool::new(false));
    let collecting = {
        let (world, over) = (Arc::clone(&world), Arc::clone(&over));
        std::thread::spawn(move || {
            let mut removed = 0;
            while !over.load(Ordering::Relaxed) {
                removed += world.collect();
                world.registry().tidy().unwrap();
            }
            removed
        })
    };
    let push = |number: usize| {
        let world = Arc::clone(&world);
        async move {
            let (layer, repository) = (format!("layer {}", number % 4), format!("r{}", number % 3));
            world.push_image(&repository, &format!("t{number}"), &layer).await
        }
    };
    let pushed = join_all((0..24).map(push)).await;
    over.store(true, Ordering::Relaxed);
    assert_eq!(collecting.join().unwrap(), 0);
    for (number, digest) in pushed.iter().enumerate() {
        let path = format!("/v2/r{}/manifests/t{number}", number % 3);
        assert_eq!(
            world.get(&path).await.header("docker-content-digest"),
            digest.to_string()
        );
    }
    assert_eq!(world.collect(), 0);
}
