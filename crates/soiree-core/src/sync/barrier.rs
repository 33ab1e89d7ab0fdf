//! A barrier that costs one side nothing, where the system has it, and the other side a call of the system.
//!
//! Of two threads that each write one thing, pass the barrier and read the other thing, one sees what the other has written.

#[cfg(all(target_os = "linux", not(soiree_model)))]
mod asymmetric {
    use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};
    use std::thread;
    use std::time::Duration;

    use rustix::thread::{MembarrierCommand, membarrier};

    /// The system takes part. Until then, and if it does not, both sides pass a full barrier.
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
    /// It took part, and no longer does: a sandbox that a program enters after its start may forbid the call.
    static IS_FORBIDDEN: AtomicBool = AtomicBool::new(false);

    /// Within this time, a processor writes to memory what it has in its store buffer.
    const WRITTEN_WITHIN: Duration = Duration::from_millis(1);

    pub(in super::super) fn register() {
        if !IS_REGISTERED.load(Ordering::Relaxed) && !IS_FORBIDDEN.load(Ordering::SeqCst) {
            // If the call is forbidden to this thread, what another one has registered stays.
            if membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() {
                IS_REGISTERED.store(true, Ordering::SeqCst);
            }
        }
    }

    /// For the side that passes it often.
    #[inline]
    pub(in super::super) fn light() {
        match IS_REGISTERED.load(Ordering::Relaxed) {
            true => compiler_fence(Ordering::SeqCst),
            false => fence(Ordering::SeqCst),
        }
    }

    /// For the side that passes it seldom.
    pub(in super::super) fn heavy() {
        fence(Ordering::SeqCst);
        if membarrier(MembarrierCommand::PrivateExpedited).is_err() {
            wait_instead();
        }
    }

    #[cold]
    fn wait_instead() {
        if IS_REGISTERED.load(Ordering::SeqCst) {
            IS_FORBIDDEN.store(true, Ordering::SeqCst);
            IS_REGISTERED.store(false, Ordering::SeqCst);
        }
        // The other side may not know yet.
        if IS_FORBIDDEN.load(Ordering::SeqCst) {
            thread::sleep(WRITTEN_WITHIN);
            fence(Ordering::SeqCst);
        }
    }
}

#[cfg(any(not(target_os = "linux"), soiree_model))]
mod full {
    use std::sync::atomic::{Ordering, fence};

    pub(in super::super) fn register() {}

    #[inline]
    pub(in super::super) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(in super::super) fn heavy() {
        fence(Ordering::SeqCst);
    }
}

#[cfg(all(target_os = "linux", not(soiree_model)))]
pub(super) use self::asymmetric::{heavy, light, register};
#[cfg(any(not(target_os = "linux"), soiree_model))]
pub(super) use self::full::{heavy, light, register};
