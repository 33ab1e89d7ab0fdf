//! A program that emits events of thirty payload types: its size tells what one more type costs users.

use soiree::EventPool;

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
                .emit("payload.queued", payload())
                .expect("the pool has room")
                .wait();
            $soiree
                .emit_sync("payload.here", payload())
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
    soiree.close().expect("nothing else closes it");
}
