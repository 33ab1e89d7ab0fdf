//! Closures that are kept where they are, if they are small.

use smallbox::space::S2;
use smallbox::{SmallBox, smallbox};

/// A closure, without an allocation if it is no larger than two pointers once it is an `Option`. An allocation would be freed on another
/// thread than it was made on, which can take as long as all else that a pool does for a small job.
pub(super) struct Closure(SmallBox<dyn CallOnce, S2>);

/// Nothing pins what is inside.
impl Unpin for Closure {}

impl Closure {
    #[inline]
    pub(super) fn new(work: impl FnOnce() + Send + 'static) -> Self {
        if fits(&work) {
            return Self(smallbox!(Some(work)));
        }
        // Called where it is: moved out, all that it holds would be copied to the stack of the thread that calls it. Nor is it left to the
        // `SmallBox`, which frees no memory if what it holds panics while it is dropped.
        let work: Box<dyn FnOnce() + Send> = Box::new(work);
        Self(smallbox!(Some(work)))
    }

    /// Calls the closure, and drops what it holds.
    #[inline]
    pub(super) fn call(&mut self) {
        self.0.call_once();
    }
}

/// Whether the place for small closures has room for it.
#[inline]
fn fits<F>(_: &F) -> bool {
    size_of::<Option<F>>() <= size_of::<S2>() && align_of::<Option<F>>() <= align_of::<S2>()
}

/// A closure that cannot be moved out of where it is, but from inside.
trait CallOnce: Send {
    fn call_once(&mut self);
}

impl<F: FnOnce() + Send> CallOnce for Option<F> {
    #[inline]
    fn call_once(&mut self) {
        if let Some(work) = self.take() {
            work();
        }
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::panic::caught;

    /// Larger than the place for small closures, smaller, empty, and of an alignment that the place does not have.
    #[test]
    fn what_a_closure_holds_is_dropped_once_called_or_not() {
        #[repr(align(64))]
        struct Aligned(u8);

        let held = Arc::new(());
        let make = |kind: usize| {
            let one = Arc::clone(&held);
            match kind {
                0 => Closure::new(move || assert_eq!(Arc::strong_count(&one), 2)),
                1 => {
                    let numbers = [7_u64; 8];
                    Closure::new(move || assert_eq!((one.as_ref(), numbers), (&(), [7; 8])))
                }
                2 => {
                    let aligned = Aligned(7);
                    Closure::new(move || {
                        let aligned = &aligned;
                        assert_eq!(std::ptr::from_ref(aligned).addr() % 64, 0);
                        assert_eq!((aligned.0, one.as_ref()), (7, &()));
                    })
                }
                _ => Closure::new(move || {
                    let _held = one;
                    panic!("as the test wants");
                }),
            }
        };
        for kind in 0..4 {
            drop(make(kind));
            assert_eq!(Arc::strong_count(&held), 1, "{kind}, not called");
            let mut closure = make(kind);
            assert_eq!(caught(|| closure.call()).is_err(), kind == 3);
            assert_eq!(Arc::strong_count(&held), 1, "{kind}, called");
        }
        Closure::new(|| {}).call();
    }

    /// Also in a debug build, where each move copies.
    #[test]
    fn a_closure_that_holds_much_is_not_copied_to_the_stack_of_the_thread_that_calls_it() {
        const HELD: usize = 512 * 1024;
        let run = |stack, work: Box<dyn FnOnce() -> Closure + Send>| {
            let thread = std::thread::Builder::new().stack_size(stack);
            thread
                .spawn(work)
                .expect("a thread")
                .join()
                .expect("no panic")
        };
        let mut closure = run(
            32 * HELD,
            Box::new(|| {
                let held = std::hint::black_box([7_u8; HELD]);
                Closure::new(move || assert_eq!(std::hint::black_box(&held)[HELD - 1], 7))
            }),
        );
        run(
            HELD / 2,
            Box::new(move || {
                closure.call();
                closure
            }),
        );
    }
}
