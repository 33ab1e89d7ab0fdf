//! A barrier that costs one side nothing, where the system has it, and the other side a call of the system.
//!
//! Of two threads that each write one thing, pass the barrier and read the other thing, one sees what the other has written.

#[cfg(all(target_os = "linux", not(soiree_model)))]
mod asymmetric {
    use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

    use rustix::thread::{MembarrierCommand, membarrier};

    /// The system takes part. Until then, and if it does not, both sides pass a full barrier.
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

    pub(in super::super) fn register() {
        if !IS_REGISTERED.load(Ordering::Relaxed) {
            let registered = membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
            IS_REGISTERED.store(registered, Ordering::SeqCst);
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
        // It was registered with the same call, so it does not fail.
        let _ = membarrier(MembarrierCommand::PrivateExpedited);
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
