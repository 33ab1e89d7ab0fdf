//! Names leave no memory behind. In its own process, so that nothing else grows meanwhile.

use soiree::{EventPool, KeyOrder};

const MIB: u64 = 1 << 20;

/// The resident memory of the process in bytes, if the system reports it.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// T3, L8: neither emitted topics, nor patterns without listeners, nor keys of events use memory afterwards.
#[test]
fn names_leave_no_memory_behind() {
    let Some(_) = resident() else {
        println!("skipped: this system does not report the memory of a process");
        return;
    };
    let count = 1_000_000_u32;
    let soiree = EventPool::new();
    soiree.on("**.login", |_| {}).unwrap();
    soiree.on("*.*.user.*", |_| {}).unwrap();
    let emit = |number: u32| {
        let topic = format!("01J9Z6{number:020}.01J9Z7{number:020}.user.login");
        assert_eq!(soiree.emit_sync(&topic, number).unwrap().delivered(), 2);
        // Twice, so that the topic is cached.
        assert_eq!(soiree.emit_sync(&topic, number).unwrap().delivered(), 2);
    };
    let subscribe = |number: u32| {
        let pattern = format!("tenant{number}.*.user{number}.login");
        let id = soiree.on(&pattern, |_| {}).unwrap();
        soiree.off(&pattern, &id).unwrap();
        let id = soiree.on(&format!("tenant{number}.user"), |_| {}).unwrap();
        soiree.off(&format!("tenant{number}.user"), &id).unwrap();
    };
    let by_text = KeyOrder::by(|event| Some(event.payload_as::<String>()?.as_str().to_owned()));
    soiree.add_order("account.changed", by_text).unwrap();
    let order = |number: u32| {
        let account = format!("account {number}");
        soiree.emit_sync("account.changed", account).unwrap();
        soiree.emit("account.changed", format!("{number}")).unwrap();
    };
    for (what, act) in [
        ("emitting", &emit as &dyn Fn(u32)),
        ("subscribing", &subscribe),
        ("ordering", &order),
    ] {
        (0..10_000).for_each(act);
        let before = resident().unwrap();
        (10_000..count).for_each(act);
        let grown = resident().unwrap().saturating_sub(before);
        println!("{what}: {grown} bytes more after {count} than after 10,000");
        assert!(grown <= MIB, "{what} left {grown} bytes");
    }
}
