//! Median and quartiles.

/// The median of some figures, and the quartiles that enclose the middle half of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quartiles {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) count: usize,
}

impl Quartiles {
    /// Returns `None` without figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (figures.len().checked_sub(1)? as f64);
            let (below, above) = (place.floor() as usize, place.ceil() as usize);
            Some(figures[below] + (figures[above] - figures[below]) * place.fract())
        };
        Some(Self {
            median: at(0.5)?,
            low: at(0.25)?,
            high: at(0.75)?,
            count: figures.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_between_two_figures_are_interpolated() {
        assert_eq!(Quartiles::of([]), None);
        let one = Quartiles::of([3.0]).unwrap();
        assert_eq!(
            (one.low, one.median, one.high, one.count),
            (3.0, 3.0, 3.0, 1)
        );
        let five = Quartiles::of([5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert_eq!((five.low, five.median, five.high), (2.0, 3.0, 4.0));
        let even = Quartiles::of([1.0, 2.0]).unwrap();
        assert_eq!((even.low, even.median, even.high), (1.25, 1.5, 1.75));
    }
}
