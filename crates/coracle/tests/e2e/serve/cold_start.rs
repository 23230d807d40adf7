//! Starting on the first request.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use crate::harbour::Harbour;
use crate::ship::Ship;

#[test]
fn fifty_first_requests_at_once_reach_one_instance_and_all_get_its_answer() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let deployed = harbour.answer("/")["start"].clone();
    let harbour = harbour.reopen();
    assert_eq!(
        harbour.report(&["ls"])[0]["instances"],
        0,
        "nothing runs before it is asked for"
    );

    let ready = Barrier::new(50);
    let started: BTreeSet<String> = thread::scope(|scope| {
        let ask = || {
            ready.wait();
            harbour.answer("/")["start"].as_str().unwrap().to_owned()
        };
        let asking: Vec<_> = (0..50).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!(started.len(), 1, "{started:?}");
    assert!(!started.contains(deployed.as_str().unwrap()));
    assert_eq!(harbour.report(&["ls"])[0]["instances"], 1);
    harbour.close();
}
