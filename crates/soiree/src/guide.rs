//! Guides: a tour, naming topics, choosing a pool, writing a pool, bulkheads in production, async code, durable events, a service, events between machines,
//! looking inside, testing, all promises, and coming from something else.
//!
//! The same pages are a book, with these as its chapters: `cargo xtask book` in the repository.

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc = include_str!("../docs/tour.md")]
pub mod tour {}

#[doc = include_str!("../docs/topics.md")]
pub mod topics {}

#[cfg(all(feature = "metrics", feature = "pool"))]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
#[doc = include_str!("../docs/looking_inside.md")]
pub mod looking_inside {}

#[cfg(all(feature = "pool", feature = "sqlite"))]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
#[doc = include_str!("../docs/durable_events.md")]
pub mod durable_events {}

#[cfg(all(feature = "pool", feature = "sqlite", feature = "tokio"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "sqlite", feature = "tokio"))))]
#[doc = include_str!("../docs/a_service.md")]
pub mod a_service {}

#[cfg(all(
    feature = "nats",
    feature = "pool",
    feature = "sqlite",
    feature = "tokio"
))]
#[cfg_attr(docsrs, doc(cfg(feature = "nats")))]
#[doc = include_str!("../docs/machines.md")]
pub mod machines {}

#[doc = include_str!("../docs/choosing_a_pool.md")]
pub mod choosing_a_pool {}

// The first definition of a link counts. Those in the files are for readers of the repository.
/// [`FreshThreads`]: #over-an-executor
/// [`FixedThreads`]: #by-hand
///
#[doc = include_str!("../docs/writing_a_pool.md")]
/// In a test file of yours:
///
// The example needs the feature `testkit`.
#[cfg_attr(feature = "testkit", doc = "```rust")]
#[cfg_attr(not(feature = "testkit"), doc = "```rust,ignore")]
/// # #[path = "../docs/fresh_threads.rs"] mod pool;
/// # use pool::FreshThreads;
/// use soiree::pool::PoolOptions;
///
/// soiree::testkit::pool_conformance!(
///     FreshThreads,
///     |spec| -> FreshThreads {
///         let options = PoolOptions::new(spec.max_workers, spec.capacity);
///         FreshThreads::new(options.overflow(spec.overflow)).unwrap()
///     },
///     without {
///         idle_timeout: "a thread ends with its job",
///         min_workers: "a thread ends with its job",
///         idle_workers: "there are no idle threads",
///         spawn: "it starts its threads itself",
///     }
/// );
/// # fn main() {}
/// ```
///
/// List under `without` what your pool cannot do: those tests are ignored, with your reason.
///
/// # Over an executor
/// ```rust
#[doc = include_str!("../docs/fresh_threads.rs")]
/// # fn main() {}
/// ```
#[doc = include_str!("../docs/writing_a_pool_by_hand.md")]
/// ```rust
#[doc = include_str!("../docs/fixed_threads.rs")]
/// ```
pub mod writing_a_pool {}

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc = include_str!("../docs/bulkheads.md")]
pub mod bulkheads {}

#[cfg(all(feature = "pool", feature = "tokio"))]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
#[doc = include_str!("../docs/async_code.md")]
pub mod async_code {}

#[cfg(all(feature = "pool", feature = "testkit"))]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/promises.md")]
pub mod promises {}

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc = include_str!("../docs/coming_from_go.md")]
pub mod coming_from_go {}

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc = include_str!("../docs/coming_from_node.md")]
pub mod coming_from_node {}

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc = include_str!("../docs/coming_from_tokio.md")]
pub mod coming_from_tokio {}

#[cfg(feature = "pool")]
#[cfg_attr(docsrs, doc(cfg(feature = "pool")))]
#[doc = include_str!("../docs/coming_from_spring.md")]
pub mod coming_from_spring {}

/// Compiles and runs the example of the README.
#[cfg(all(doctest, feature = "pool"))]
#[doc = include_str!("../README.md")]
pub mod readme {}
