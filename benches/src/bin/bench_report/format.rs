//! Figures as they are printed.

use crate::statistics::Quartiles;

pub(crate) fn spread(middle: Quartiles, show: fn(f64) -> String) -> String {
    format!(
        "{} ({} – {})",
        show(middle.median),
        show(middle.low),
        show(middle.high)
    )
}

pub(crate) fn times(ratio: f64) -> String {
    format!("{ratio:.2}×")
}

/// A time as one reads it.
pub(crate) fn nanos(nanos: f64) -> String {
    match nanos {
        _ if nanos < 99.95 => format!("{nanos:.1} ns"),
        _ if nanos < 9_999.5 => format!("{nanos:.0} ns"),
        _ if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        _ => format!("{:.1} ms", nanos / 1e6),
    }
}

pub(crate) fn bytes(bytes: f64) -> String {
    if bytes < 9_999.5 {
        // A few bytes below zero are none: something else was given back meanwhile.
        format!("{:.0} B", bytes.max(0.0))
    } else {
        format!("{:.1} KiB", bytes / 1024.0)
    }
}
