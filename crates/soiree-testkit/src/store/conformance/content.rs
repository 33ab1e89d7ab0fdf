//! What the suite needs of the author of a store: handles of one content, and ways to harm it.

use std::fmt;
use std::sync::Arc;

use soiree_core::store::{Position, Store};

use super::tested::{Tested, fail};

type Open = Box<dyn Fn() -> Arc<dyn Store> + Send + Sync>;
type Damage = Box<dyn Fn(Position) + Send + Sync>;
pub(super) type Factory = Arc<dyn Fn() -> StoreContent + Send + Sync>;

/// One content of a store, such as a new directory or a new database, for one case of the suite.
///
/// The closure of [`new`](StoreContent::new) makes a handle of it. The suite calls it several times and opens each handle. Each handle
/// counts as a process of its own; one that is dropped without a close counts as a process that was killed.
///
/// The content is removed when this is dropped, if the closure owns what removes it, such as a temporary directory.
pub struct StoreContent {
    open: Open,
    little_room: Option<Open>,
    damage: Option<Damage>,
    /// Makes other contents, for cases that need many.
    factory: Option<Factory>,
}

impl StoreContent {
    /// A content. The closure makes handles of it.
    pub fn new<S: Store>(open: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self {
            open: Box::new(move || Arc::new(open())),
            little_room: None,
            damage: None,
            factory: None,
        }
    }

    /// How to make a handle of another, empty content that is full after at most 10,000 events with payloads of 1,000 bytes.
    /// For the capability `full`.
    #[must_use]
    pub fn little_room<S: Store>(mut self, open: impl Fn() -> S + Send + Sync + 'static) -> Self {
        self.little_room = Some(Box::new(move || Arc::new(open())));
        self
    }

    /// How to change a byte of the stored payload of an event, as a bad disk does. For the capability `damage`. No handle is open
    /// meanwhile.
    #[must_use]
    pub fn damage(mut self, damage: impl Fn(Position) + Send + Sync + 'static) -> Self {
        self.damage = Some(Box::new(damage));
        self
    }

    pub(super) fn new_by(factory: &Factory) -> Self {
        Self {
            factory: Some(Arc::clone(factory)),
            ..factory()
        }
    }

    /// Another content, which is empty.
    pub(super) fn another(&self) -> Self {
        match &self.factory {
            Some(factory) => Self::new_by(factory),
            None => fail("the suite has made this content without a factory"),
        }
    }

    pub(super) fn store(&self) -> Tested {
        Tested::new((self.open)())
    }

    pub(super) fn store_with_little_room(&self) -> Tested {
        match &self.little_room {
            Some(open) => Tested::new(open()),
            None => fail(
                "the suite has no StoreContent::little_room; set it, or list `full` as a capability that the store lacks",
            ),
        }
    }

    pub(super) fn damage_at(&self, at: Position) {
        match &self.damage {
            Some(damage) => damage(at),
            None => fail(
                "the suite has no StoreContent::damage; set it, or list `damage` as a capability that the store lacks",
            ),
        }
    }
}

impl fmt::Debug for StoreContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreContent")
            .field("little_room", &self.little_room.is_some())
            .field("damage", &self.damage.is_some())
            .finish_non_exhaustive()
    }
}
