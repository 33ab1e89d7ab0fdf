//! Emits events of thirty payload types, or of one with the feature `one-payload`. `cargo xtask size` builds both programs and
//! compares their sizes: the difference is what the library adds to a user's program for each further payload type.

use soiree::EventPool;

/// Uses each payload type as most programs do: subscribes, emits through the pool, and emits on the calling thread.
macro_rules! emit_each {
    ($soiree:ident: $($payload:ident)*) => {$(
        {
            struct $payload(u64, String);
            $soiree
                .on("payload.*", |event| {
                    let total = event.payload_as::<$payload>().map(|p| p.0 + p.1.len() as u64);
                    std::hint::black_box(total);
                })
                .expect("the pattern is valid");
            let payload = || $payload(7, String::from(stringify!($payload)));
            $soiree
                .emit("payload.pool", payload())
                .expect("the pool has room")
                .wait();
            $soiree
                .emit_sync("payload.sync", payload())
                .expect("the event pool is open");
        }
    )*};
}

fn main() {
    let soiree = EventPool::new();
    emit_each!(soiree: P1);
    #[cfg(not(feature = "one-payload"))]
    emit_each!(soiree:
        P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P16 P17 P18 P19 P20 P21 P22 P23 P24 P25 P26 P27 P28 P29 P30
    );
    soiree.close().expect("the event pool closes");
}
