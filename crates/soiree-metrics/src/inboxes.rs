//! The figures of inboxes, added up by their labels.

use std::collections::BTreeMap;

use soiree_core::ListenerInfo;

use crate::family::{OTHER, listener_label};

/// The figures of all inboxes with the same labels.
#[derive(Default)]
pub(crate) struct InboxSums {
    pub(crate) inboxes: u64,
    pub(crate) capacity: u64,
    pub(crate) waiting: u64,
    pub(crate) blocked: u64,
    pub(crate) received: u64,
    pub(crate) missed: u64,
}

/// The labels `listener` and `pattern`.
pub(crate) type InboxLabels = [Box<str>; 2];

/// Adds up the inboxes that these listeners fill. Beyond the limit of label sets, they share one more.
pub(crate) fn sums(listeners: &[ListenerInfo], max: usize) -> BTreeMap<InboxLabels, InboxSums> {
    let mut sums = BTreeMap::<InboxLabels, InboxSums>::new();
    for listener in listeners {
        let Some(inbox) = listener.inbox else {
            continue;
        };
        let name = listener_label(listener.name.as_deref());
        let mut labels: InboxLabels = [name.into(), listener.pattern.as_str().into()];
        if sums.len() >= max && !sums.contains_key(&labels) {
            labels = [OTHER.into(), OTHER.into()];
        }
        let sum = sums.entry(labels).or_default();
        sum.inboxes += 1;
        sum.capacity += inbox.capacity as u64;
        sum.waiting += inbox.waiting as u64;
        sum.blocked += inbox.blocked as u64;
        sum.received += inbox.received;
        sum.missed += inbox.missed;
    }
    sums
}
