//! Reads Prometheus's text format, as far as tests need it.

use soiree::metrics::Metrics;

/// The samples of an exposition.
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        Self(metrics.encode())
    }

    /// Returns the value of the only sample with this name and these labels, among others; `None` if no sample has them.
    #[track_caller]
    pub(crate) fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let mut found = self.0.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let rest = series.strip_prefix(name)?.strip_prefix('{')?;
            let all = labels.iter().all(|label| rest.contains(label.as_str()));
            all.then(|| value.parse().expect("a number"))
        });
        let value = found.next();
        assert_eq!(found.next(), None, "{name} {labels:?} is not one sample");
        value
    }

    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let value = self.find(name, labels);
        let value = value.unwrap_or_else(|| panic!("no {name} {labels:?} in\n{}", self.0));
        value as u64
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
