//! The macro that makes a test of each case for stores.

/// Makes one `#[test]` for each clause of what a [`Store`](soiree_core::store::Store) promises.
///
/// Call it in a test file of the crate that implements the store. It takes the name of the module that it makes, and a closure that
/// makes a new [`StoreContent`](crate::StoreContent):
///
/// ```
/// use soiree_testkit::{MemoryStore, StoreContent};
///
/// soiree_testkit::store_conformance!(memory, || {
///     let store = MemoryStore::new();
///     let damaged = store.clone();
///     StoreContent::new(move || store.another_process())
///         .damage(move |at| assert!(damaged.damage(at)))
///         .little_room(|| MemoryStore::new().max_events(100))
/// });
/// # fn main() {}
/// ```
///
/// Each test has the name of its [`StoreCase`](crate::StoreCase), which starts with the number of the promise. One of them runs random
/// calls on the store and on a simple model, and prints the shortest sequence of calls after which both differ.
///
/// # Stores that lack a capability
///
/// List what your store cannot do, each with a reason. The tests that need it are then ignored with that reason; they never
/// count as passed:
///
/// ```
/// # use soiree_testkit::{MemoryStore, StoreContent};
/// soiree_testkit::store_conformance!(
///     memory,
///     || {
///         let store = MemoryStore::new();
///         StoreContent::new(move || store.another_process())
///     },
///     without {
///         damage: "nobody can reach its bytes",
///         full: "it has no limit",
///     }
/// );
/// # fn main() {}
/// ```
///
/// | capability | a store without it |
/// |---|---|
/// | `reopen` | holds nothing that outlives the process |
/// | `processes` | can be used by one process only, so that a second handle cannot be opened at the same time |
/// | `takeover` | has claims that end some time after their process has ended |
/// | `damage` | has no bytes that a test can change: no [`StoreContent::damage`](crate::StoreContent::damage) |
/// | `full` | cannot be made small: no [`StoreContent::little_room`](crate::StoreContent::little_room) |
///
/// Any other name is a compile error:
///
/// ```compile_fail
/// # use soiree_testkit::{MemoryStore, StoreContent};
/// soiree_testkit::store_conformance!(
///     memory,
///     || StoreContent::new(MemoryStore::new),
///     without { speed: "it is slow" }
/// );
/// # fn main() {}
/// ```
///
/// # Panics
/// A test panics if the store breaks the promise, or if it takes longer than five minutes. The message says what does not hold,
/// what the promise means, and which methods of the store to look at.
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $content:expr $(,)?) => {
        $crate::store_conformance!($name, $content, without {});
    };
    ($name:ident, $content:expr, without { $($capability:ident: $reason:literal),* $(,)? } $(,)?) => {
        $($crate::__store_capability!($capability);)*

        fn $name() -> $crate::StoreConformance {
            $crate::StoreConformance::new($content)
        }

        mod $name {
            // The function of that name, where the closure finds what the file imports.
            fn conformance_suite() -> $crate::StoreConformance {
                super::$name()
            }

            $crate::__store_cases!([$crate::__store_tests] { $($capability: $reason,)* });
        }
    };
}

/// Fails to compile for a name that is no capability.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_capability {
    (reopen) => {};
    (processes) => {};
    (takeover) => {};
    (damage) => {};
    (full) => {};
    ($other:ident) => {
        ::std::compile_error!(::std::concat!(
            "`",
            ::std::stringify!($other),
            "` is no capability of a store; the capabilities are reopen, processes, takeover, damage, full"
        ));
    };
}

/// Makes a test of each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_tests {
    ($without:tt $($module:ident {
        $($name:ident $needs:tt;)*
    })*) => {
        $($($crate::__store_test! { [$name] $needs $without $without })*)*
    };
}

/// Makes a test of one case: `[name] [needs] {rest of the list to search} {the whole list}`.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_test {
    ([$name:ident] [] $rest:tt $without:tt) => {
        #[test]
        fn $name() {
            conformance_suite().assert(::std::stringify!($name));
        }
    };
    ($case:tt [reopen $($needs:ident)*] { reopen: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [processes $($needs:ident)*] { processes: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [takeover $($needs:ident)*] { takeover: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [damage $($needs:ident)*] { damage: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt [full $($needs:ident)*] { full: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__pool_test_ignored! { $case $reason }
    };
    ($case:tt $needs:tt { $capability:ident: $reason:literal, $($rest:tt)* } $without:tt) => {
        $crate::__store_test! { $case $needs { $($rest)* } $without }
    };
    ($case:tt [$need:ident $($needs:ident)*] {} $without:tt) => {
        $crate::__store_test! { $case [$($needs)*] $without $without }
    };
}
