//! What is logged on stderr.

use std::fs::{self, File};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::service::Service;

/// Takes in an event that fails for `forward`, and returns what was logged.
fn logged(arguments: &[&str]) -> String {
    let data = TempDir::new().unwrap();
    let log = data.path().join("log");
    let file = File::create(&log).unwrap();
    let arguments = [&["--flaky", "100", "--attempts", "1"], arguments].concat();
    let service = Service::start_logging(data.path(), &arguments, &[], file.into());
    let id = service.accepted("1", "{}");
    let dead = service
        .ended(&id)
        .contains(&("forward".into(), "dead".into()));
    assert!(dead);
    service.signal(Signal::TERM);
    assert_eq!(service.end().0, Some(0));
    fs::read_to_string(log).unwrap()
}

#[test]
fn what_fails_for_a_listener_is_on_the_page_and_logged_only_if_asked_for() {
    assert_eq!(logged(&[]), "");
    let verbose = logged(&["--verbose"]);
    assert!(verbose.contains("listener failed"), "{verbose}");
}
