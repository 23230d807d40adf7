//! Going back, and changing how many instances there are, while requests come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::harbour::{Harbour, get};
use crate::ship::Ship;

/// How long instances may take to start or end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Requests that come in without a pause until they are ended.
struct Load {
    over: Arc<AtomicBool>,
    asking: std::thread::JoinHandle<Vec<u16>>,
}

impl Load {
    fn on(harbour: &Harbour) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ended, url) = (
            Arc::clone(&over),
            format!("{}/function/ship/", harbour.server.url()),
        );
        let asking = std::thread::spawn(move || {
            let mut statuses = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                statuses.push(get(&url).0);
            }
            statuses
        });
        Self { over, asking }
    }

    /// Ends the requests, each of which must have been answered well.
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        let statuses = self.asking.join().unwrap();
        assert!(!statuses.is_empty());
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }
}

/// Answers how many instances serve, as soon as it is `count`.
fn until_serving(harbour: &Harbour, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let described = harbour.report(&["describe", "ship"]);
        let instances = described["instances"].as_array().unwrap();
        if instances.iter().filter(|one| one["state"] == "ready").count() == count && instances.len() == count
        {
            return;
        }
        assert!(Instant::now() < deadline, "never {count} instances: {described}");
    }
}

#[test]
fn a_rollback_loses_no_request_and_leaves_the_history_alone() {
    let harbour = Harbour::open();
    let ship = Ship::new();
    harbour.deploy(&ship, &["--env", "GREETING=one"]);
    harbour.deploy(&ship, &["--env", "GREETING=two"]);
    let load = Load::on(&harbour);

    let back = harbour.report(&["rollback", "ship"]);
    assert_eq!((&back["revision"], &back["replaced"]), (&1.into(), &2.into()));
    assert_eq!(harbour.answer("/")["greeting"], "one");
    let again = harbour.succeed(&["rollback", "ship", "--to", "2"]);
    assert!(again.contains("/function/ship"), "{again}");
    assert_eq!(harbour.answer("/")["greeting"], "two");
    load.end();

    let revisions = harbour.report(&["revisions", "ship"]);
    assert_eq!(revisions.as_array().unwrap().len(), 2);
    assert_eq!(
        (&revisions[0]["serving"], &revisions[1]["serving"]),
        (&true.into(), &false.into())
    );
    for (arguments, part) in [
        (&["rollback", "ship", "--to", "2"][..], "serves already"),
        (&["rollback", "ship", "--to", "7"], "has no revision 7"),
        (&["rollback", "boat"], "there is no function `boat`"),
    ] {
        let talk = harbour.fail(1, arguments);
        assert!(talk.contains(part), "{arguments:?}: {talk}");
    }
    harbour.close();
}

#[test]
fn a_scale_takes_effect_at_once_and_restarts_nothing() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let before = harbour.answer("/");
    let load = Load::on(&harbour);
    let scaled = harbour.report(&["scale", "ship", "--min", "2", "--max", "3"]);
    assert_eq!(
        (&scaled["before"]["min"], &scaled["scale"]["min"]),
        (&0.into(), &2.into())
    );
    until_serving(&harbour, 2);
    let text = harbour.succeed(&["scale", "ship", "--min", "0", "--max", "1"]);
    assert!(text.starts_with("0 to 1 instances"), "{text}");
    load.end();
    until_serving(&harbour, 1);
    assert_eq!(before["revision"], harbour.answer("/")["revision"]);

    assert!(harbour.fail(1, &["scale", "ship"]).contains("nothing to change"));
    assert!(
        harbour
            .fail(1, &["scale", "ship", "--min", "9"])
            .contains("more than `scale.max`")
    );
    let page = harbour.succeed(&["describe", "ship"]);
    assert!(page.contains("(changed since the deploy)"), "{page}");
    harbour.close();
}
