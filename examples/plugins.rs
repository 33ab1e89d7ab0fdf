//! Plugins that know the program only by its events: they quote, veto and follow up.
//!
//! The program asks with an event. Each plugin answers, or aborts with a reason. What follows later is another event.

use std::time::Duration;

use soiree::{EventPool, ListenerOptions, Priority, Reply, Soiree, SubscribeError, TypedTopic};

/// An order that plugins may veto, and quote a surcharge for.
#[derive(Debug)]
struct Order {
    item: &'static str,
    cents: u64,
}

/// What a plugin adds to the price.
#[derive(Debug)]
struct Surcharge(u64);

const PLACED: TypedTopic<Order> = TypedTopic::new("order.placed");
const SHIPPED: TypedTopic<&'static str> = TypedTopic::new("order.shipped");

/// A plugin needs nothing but a `Soiree`.
type Plugin = fn(&dyn Soiree) -> Result<(), SubscribeError>;

fn stock(soiree: &dyn Soiree) -> Result<(), SubscribeError> {
    let options = ListenerOptions::new()
        .name("stock")
        .priority(Priority::Highest);
    PLACED.on_with(soiree, options, |order, event| {
        if order.item == "unicorn" {
            event.abort("out of stock");
        }
    })?;
    Ok(())
}

fn shipping(soiree: &dyn Soiree) -> Result<(), SubscribeError> {
    PLACED.on(soiree, |_| Reply(Surcharge(490)))?;
    Ok(())
}

fn insurance(soiree: &dyn Soiree) -> Result<(), SubscribeError> {
    PLACED.on(soiree, |order| Reply(Surcharge(order.cents / 100)))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: plugins that quote, veto and follow up, and know the program only by its events"
    );
    println!("why: one is added or taken away without a change of the program\n");

    let soiree = EventPool::new();
    let plugins: [Plugin; 3] = [stock, shipping, insurance];
    for plugin in plugins {
        plugin(&soiree)?;
    }

    for (item, cents) in [("chair", 9_900), ("unicorn", 1)] {
        let report = PLACED.emit(&soiree, Order { item, cents })?.wait();
        if let Some(abort) = report.abort() {
            let by = abort.by.as_ref().and_then(|by| by.name.as_deref());
            println!("{item}: vetoed by {by:?}: {:?}", abort.reason.as_deref());
            continue;
        }
        let surcharges = report.collect::<Surcharge>()?;
        let total = cents + surcharges.iter().map(|one| one.0).sum::<u64>();
        println!("{item}: {total} cents, {} surcharges", surcharges.len());
    }

    // It listens before the event is emitted, so it misses nothing.
    let shipped = SHIPPED
        .wait_for(&soiree)
        .filter(|item| **item == "chair")
        .timeout(Duration::from_secs(10));
    SHIPPED.emit(&soiree, "table")?;
    SHIPPED.emit(&soiree, "chair")?;
    println!("shipped: {}", *shipped.wait()?);
    soiree.close()?;
    Ok(())
}
