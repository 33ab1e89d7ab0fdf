//! How a cost grows from size to size.

use soiree_benches::Law;

/// A cost at several sizes, from few to many.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// How it may grow.
    pub(crate) expected: Law,
    pub(crate) points: Vec<(u64, f64)>,
}

/// How it grows.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Found {
    As(Law),
    /// Faster than the size.
    Worse,
}

/// What grows by less in all is constant: caches of the processor hold less of it, and measurements differ.
const CONSTANT: f64 = 1.5;
/// Exponents above these, between the ends and in the last tenfold, are those of something worse than linear. Where the cost leaves the
/// caches of the processor, a linear one grows faster than the size for a while.
const WORSE: f64 = 1.3;
const WORSE_AT_LAST: f64 = 1.8;
/// A range of sizes that is wide enough for what is linear to show: its last exponent is above this one then. Caches of the processor
/// hold less and less, which looks like the beginning of it.
const WIDE: u64 = 1_000;
const BARELY_LINEAR: f64 = 0.5;
/// A close is measured once, in a cold cache: less than this is no difference, in nanoseconds.
const SHORT_CLOSE: f64 = 20_000.0;

impl Series {
    /// The exponent between the ends: 0 if the cost is the same, 1 if it grows as fast as the size.
    pub(crate) fn exponent(&self) -> f64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => exponent(*first, *last),
            _ => f64::NAN,
        }
    }

    /// The exponent of the last tenfold, or of less if there are fewer sizes.
    pub(crate) fn last_exponent(&self) -> f64 {
        let Some(last) = self.points.last() else {
            return f64::NAN;
        };
        let before = self
            .points
            .iter()
            .rev()
            .find(|(size, _)| size * 10 <= last.0);
        exponent(*before.unwrap_or(&self.points[0]), *last)
    }

    /// The law that the cost follows. Over few sizes, the one whose curve is nearer.
    pub(crate) fn found(&self) -> Found {
        let least = if self.name == "close" {
            SHORT_CLOSE
        } else {
            1.0
        };
        let costs = || self.points.iter().map(|(_, cost)| cost.max(least));
        let (Some(first), Some(last)) = (costs().next(), costs().next_back()) else {
            return Found::As(Law::Constant);
        };
        if last <= first * CONSTANT {
            return Found::As(Law::Constant);
        }
        if self.exponent() > WORSE || self.last_exponent() > WORSE_AT_LAST {
            return Found::Worse;
        }
        let sizes = || self.points.iter().map(|(size, _)| *size);
        let range = sizes().max().zip(sizes().min());
        if range.is_some_and(|(most, fewest)| most / fewest >= WIDE) {
            return match self.last_exponent() > BARELY_LINEAR {
                true => Found::As(Law::Linear),
                false => Found::As(Law::Logarithmic),
            };
        }
        let pairs = |of: fn(f64) -> f64| {
            let sizes = self.points.iter().map(move |(size, _)| of(*size as f64));
            sizes.zip(costs()).collect::<Vec<_>>()
        };
        match distance(&pairs(f64::ln)) < distance(&pairs(|size| size)) {
            true => Found::As(Law::Logarithmic),
            false => Found::As(Law::Linear),
        }
    }

    /// Whether it grows no faster than it may.
    pub(crate) fn is_as_expected(&self) -> bool {
        self.found() <= Found::As(self.expected)
    }
}

/// How far costs are from the nearest `a + b * x`, as the sum of the squares of relative distances.
fn distance(points: &[(f64, f64)]) -> f64 {
    // Least squares, where each point has the weight 1 / cost².
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        let points = points.iter();
        points.map(|(x, cost)| of(*x, *cost) / (cost * cost)).sum()
    };
    let (one, x, xx) = (sum(&|_, _| 1.0), sum(&|x, _| x), sum(&|x, _| x * x));
    let (y, xy) = (sum(&|_, cost| cost), sum(&|x, cost| x * cost));
    let slope = (one * xy - x * y) / (one * xx - x * x);
    let start = (y - slope * x) / one;
    sum(&|x, cost| (start + slope * x - cost).powi(2))
}

fn exponent(from: (u64, f64), to: (u64, f64)) -> f64 {
    // Nothing at all has no logarithm.
    let costs = to.1.max(1.0) / from.1.max(1.0);
    costs.ln() / (to.0 as f64 / from.0 as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(cost: impl Fn(f64) -> f64) -> Series {
        let sizes = [1, 10, 100, 1_000, 10_000, 100_000];
        Series {
            name: "test",
            expected: Law::Logarithmic,
            points: sizes.map(|size| (size, cost(size as f64))).into(),
        }
    }

    #[test]
    fn laws_are_told_apart() {
        let constant = series(|size| 100.0 + size.ln());
        let logarithmic = series(|size| 100.0 + 100.0 * size.ln());
        let linear = series(|size| 100.0 + size);
        let late = series(|size| 1_000.0 + size / 25.0);
        let square = series(|size| size * size);
        assert_eq!(constant.found(), Found::As(Law::Constant));
        assert_eq!(logarithmic.found(), Found::As(Law::Logarithmic));
        assert_eq!(linear.found(), Found::As(Law::Linear));
        assert_eq!(late.found(), Found::As(Law::Linear));
        assert_eq!(square.found(), Found::Worse);
        assert!(constant.is_as_expected() && logarithmic.is_as_expected());
        assert!(!linear.is_as_expected() && !square.is_as_expected());
    }

    #[test]
    fn over_few_sizes_the_nearer_curve_counts() {
        let few = |cost: fn(f64) -> f64| Series {
            points: [1, 2, 4, 8, 16, 32]
                .map(|size| (size, cost(size as f64)))
                .into(),
            ..series(|_| 1.0)
        };
        let linear = few(|size| 100.0 + 5.0 * size);
        assert_eq!(linear.found(), Found::As(Law::Linear));
        let logarithmic = few(|size| 100.0 + 50.0 * size.ln());
        assert_eq!(logarithmic.found(), Found::As(Law::Logarithmic));
    }

    #[test]
    fn closes_that_are_short_do_not_differ() {
        let close = Series {
            name: "close",
            ..series(|size| 1_000.0 + size / 10.0)
        };
        assert_eq!(close.found(), Found::As(Law::Constant));
    }

    #[test]
    fn the_exponent_is_that_between_the_ends() {
        let linear = series(|size| 3.0 * size);
        assert!((linear.exponent() - 1.0).abs() < 1e-9);
        let late = series(|size| 1_000_000.0_f64.max(size * 100.0));
        assert!(late.exponent() < late.last_exponent());
    }
}
