//! Errors of listeners: seen as they happen, translated or swallowed, and found in the report.

use soiree::EventPool;

#[derive(Debug, thiserror::Error)]
enum ChargeError {
    #[error("the card was declined")]
    Declined,
    #[error("the amount is zero")]
    NothingToCharge,
}

fn charge(cents: u64) -> Result<(), ChargeError> {
    match cents {
        0 => Err(ChargeError::NothingToCharge),
        1..=10_000 => Ok(()),
        _ => Err(ChargeError::Declined),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let soiree = EventPool::builder()
        .error_handler(|_event, error| match error.downcast_ref::<ChargeError>() {
            Some(ChargeError::NothingToCharge) => None,
            _ => Some(error),
        })
        .build();
    soiree.on("order.placed", |event| {
        charge(event.payload_as::<u64>().map_or(0, |cents| *cents))
    })?;
    soiree.on("order.placed", |_| {
        println!("the listener after it runs in any case")
    })?;

    for cents in [4_200_u64, 0, 99_999] {
        let report = soiree.emit("order.placed", cents)?.wait();
        let failed = report.failed;
        match report.into_result() {
            Ok(_) => println!("{cents} cents: ok, {failed} errors swallowed"),
            Err(error) => println!("{cents} cents: {error}"),
        }
    }

    if let Err(refused) = soiree.emit("order..placed", 1_u64) {
        println!("not emitted: {refused}");
        println!(
            "the payload came back: {:?}",
            refused.into_payload().downcast_ref::<u64>()
        );
    }
    soiree.close()?;
    Ok(())
}
