//! x
use coracle_dockerfile_suite::*;
fn main() {
    let s = StandIns::open(std::path::Path::new("/root/.cache/coracle/peers/stand-ins")).unwrap();
    for i in StandIn::ALL {
        let t = std::time::Instant::now();
        let r = s.make(i);
        println!("{i:?} {:?} {:?}", r.map(|d| d.to_string()), t.elapsed());
    }
    if std::env::args().nth(1).is_some() {
        let r = Registry::start(s).unwrap();
        println!("{}", r.mirrors());
        loop { std::thread::park() }
    }
}
