//! Which calls of a `FaultyStore` fail, and how.

use std::fmt;
use std::io;
use std::sync::Arc;

use soiree_core::BoxError;
use soiree_core::store::StoreError;

/// A method of [`Store`](soiree_core::store::Store) that may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StoreMethod {
    /// [`open`](soiree_core::store::Store::open)
    Open,
    /// [`commit`](soiree_core::store::Store::commit)
    Commit,
    /// [`read`](soiree_core::store::Store::read)
    Read,
    /// [`fetch`](soiree_core::store::Store::fetch)
    Fetch,
    /// [`find`](soiree_core::store::Store::find)
    Find,
    /// [`claim`](soiree_core::store::Store::claim)
    Claim,
    /// [`renew`](soiree_core::store::Store::renew)
    Renew,
    /// [`release`](soiree_core::store::Store::release)
    Release,
    /// [`listeners`](soiree_core::store::Store::listeners)
    Listeners,
    /// [`remove_listener`](soiree_core::store::Store::remove_listener)
    RemoveListener,
    /// [`rename_listener`](soiree_core::store::Store::rename_listener)
    RenameListener,
    /// [`parked`](soiree_core::store::Store::parked)
    Parked,
    /// [`states`](soiree_core::store::Store::states)
    States,
    /// [`redrive`](soiree_core::store::Store::redrive)
    Redrive,
    /// [`discard`](soiree_core::store::Store::discard)
    Discard,
    /// [`sweep`](soiree_core::store::Store::sweep)
    Sweep,
    /// [`size`](soiree_core::store::Store::size)
    Size,
    /// [`changed`](soiree_core::store::Store::changed)
    Changed,
    /// [`close`](soiree_core::store::Store::close)
    Close,
}

/// How a call of a [`FaultyStore`](crate::FaultyStore) fails.
///
/// ```
/// use soiree_core::store::StoreError;
/// use soiree_testkit::StoreFault;
/// let damaged = StoreFault::new(|store| StoreError::Corrupt { store, place: "page 7".into() });
/// # let _ = damaged;
/// ```
#[derive(Clone)]
pub struct StoreFault {
    error: Arc<dyn Fn(String) -> StoreError + Send + Sync>,
    after: bool,
    cuts: bool,
}

impl StoreFault {
    /// Fails with the error that the closure makes of the name of the store, before the store is reached.
    pub fn new(error: impl Fn(String) -> StoreError + Send + Sync + 'static) -> Self {
        Self {
            error: Arc::new(error),
            after: false,
            cuts: false,
        }
    }

    /// [`StoreError::Full`]: the disk is full, and nothing is stored.
    pub fn full() -> Self {
        Self::new(|store| StoreError::Full {
            store,
            reason: "no space left on the device".into(),
        })
    }

    /// [`StoreError::Busy`]: another process holds what is needed, and nothing is stored.
    pub fn busy() -> Self {
        Self::new(|store| StoreError::Busy {
            store,
            reason: "another process writes".into(),
        })
    }

    /// [`StoreError::Io`]: nothing is stored.
    pub fn io() -> Self {
        Self::new(|store| StoreError::Io {
            store,
            source: broken_disk(),
        })
    }

    /// [`StoreError::Unknown`]: nothing is stored, but the caller cannot know that.
    pub fn unknown() -> Self {
        Self::new(|store| StoreError::Unknown {
            store,
            source: broken_disk(),
        })
    }

    /// [`StoreError::Unknown`]: it is stored, but the caller cannot know that.
    pub fn unknown_but_stored() -> Self {
        Self::unknown().after_the_call()
    }

    /// The process ends here, as far as the store can tell: this call and all that follow fail. See
    /// [`FaultyStore::cut`](crate::FaultyStore::cut).
    pub fn cut() -> Self {
        Self {
            cuts: true,
            ..Self::new(|store| StoreError::NotOpen { store })
        }
    }

    /// The store does what it is asked for, and then the call fails.
    #[must_use]
    pub fn after_the_call(mut self) -> Self {
        self.after = true;
        self
    }

    pub(super) fn happens_after(&self) -> bool {
        self.after
    }

    pub(super) fn cuts(&self) -> bool {
        self.cuts
    }

    pub(super) fn error(&self, store: String) -> StoreError {
        (self.error)(store)
    }
}

fn broken_disk() -> BoxError {
    io::Error::other("input/output error (injected)").into()
}

impl fmt::Debug for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreFault")
            .field("error", &self.error(String::new()))
            .field("after", &self.after)
            .finish()
    }
}
