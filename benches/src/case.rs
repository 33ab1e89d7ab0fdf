//! A workload and who does it.

use crate::measure::Bench;

/// One workload done by one subject.
pub struct Case {
    /// What is done.
    pub workload: String,
    /// Who does it.
    pub subject: &'static str,
    /// Whether threads are involved, so that a process should run it only once.
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

    /// A process should run it only once, as the system may place its threads well or badly.
    pub(crate) fn threaded(mut self) -> Self {
        self.threaded = true;
        self
    }

    /// Makes what is needed for it.
    pub fn prepare(&self) -> Box<dyn Bench> {
        (self.make)()
    }
}
