//! Figures as they are printed.

use crate::statistics::Quartiles;

/// The median, and the quartiles in brackets.
pub(crate) fn with_quartiles(quartiles: Quartiles, show: fn(f64) -> String) -> String {
    format!(
        "{} ({} – {})",
        show(quartiles.median),
        show(quartiles.low),
        show(quartiles.high)
    )
}

/// A ratio.
pub(crate) fn times(ratio: f64) -> String {
    format!("{ratio:.2}×")
}

/// A time in nanoseconds, in the unit that is easiest to read.
pub(crate) fn nanos(nanos: f64) -> String {
    match nanos {
        _ if nanos < 99.95 => format!("{nanos:.1} ns"),
        _ if nanos < 9_999.5 => format!("{nanos:.0} ns"),
        _ if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        _ => format!("{:.1} ms", nanos / 1e6),
    }
}

/// A size in bytes, in the unit that is easiest to read.
pub(crate) fn bytes(bytes: f64) -> String {
    if bytes < 9_999.5 {
        // A few bytes below zero mean none: something else was freed during the measurement.
        format!("{:.0} B", bytes.max(0.0))
    } else {
        format!("{:.1} KiB", bytes / 1024.0)
    }
}
