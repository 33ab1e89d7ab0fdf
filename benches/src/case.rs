//! One workload and the subject that runs it.

use crate::measure::Bench;

/// One workload, run by one subject.
pub struct Case {
    /// The name of the workload.
    pub workload: String,
    /// The name of the subject.
    pub subject: &'static str,
    /// Whether the case uses several threads. Each run then needs a process of its own, as the system may place the threads of a
    /// process well or badly.
    pub threaded: bool,
    make: Box<dyn Fn() -> Box<dyn Bench>>,
}

impl Case {
    pub(crate) fn new<B: Bench + 'static>(
        workload: impl Into<String>,
        subject: &'static str,
        make: impl Fn() -> B + 'static,
    ) -> Self {
        Self {
            workload: workload.into(),
            subject,
            threaded: false,
            make: Box::new(move || Box::new(make())),
        }
    }

    /// Marks the case as one that uses several threads.
    pub(crate) fn threaded(mut self) -> Self {
        self.threaded = true;
        self
    }

    /// Does the setup, which is not measured, and returns the work to measure.
    pub fn prepare(&self) -> Box<dyn Bench> {
        (self.make)()
    }
}
