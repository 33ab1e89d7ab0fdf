//! Errors of listeners: a handler sees each one, and either swallows it or leaves it to the report.

use soiree::EventPool;

#[derive(Debug, thiserror::Error)]
enum ChargeError {
    #[error("the card was declined")]
    Declined,
    #[error("there is nothing to charge")]
    Nothing,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: a handler sees each error of a listener, and swallows it or leaves it to the report"
    );
    println!(
        "why: no error is lost silently, and an event that is not taken comes back with its payload\n"
    );

    let soiree = EventPool::new();
    soiree.set_error_handler(|_, error| match error.downcast_ref() {
        Some(ChargeError::Nothing) => None,
        _ => Some(error),
    });
    soiree.on("order.placed", |event| {
        match event.payload_as::<u64>().as_deref() {
            Some(0) | None => Err(ChargeError::Nothing),
            Some(10_000..) => Err(ChargeError::Declined),
            Some(_) => Ok(()),
        }
    })?;

    for cents in [4_200_u64, 0, 99_999] {
        let report = soiree.emit("order.placed", cents)?.wait();
        let failed = report.failed();
        match report.into_result() {
            Ok(_) => println!("{cents} cents: ok, swallowed errors: {failed}"),
            Err(error) => println!("{cents} cents: {error}"),
        }
    }
    if let Err(error) = soiree.emit("order..placed", 1_u64) {
        println!("not emitted: {error}");
        match error.into_payload().downcast::<u64>() {
            Ok(cents) => println!("the error returns the payload: {cents} cents"),
            Err(payload) => println!("somebody else has {payload:?} too"),
        }
    }
    soiree.close()?;
    Ok(())
}
