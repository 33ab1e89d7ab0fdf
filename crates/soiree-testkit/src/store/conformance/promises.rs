//! What each promise means, and which methods keep it, for the author of a store that breaks it.

/// An explanation of the promise with this number.
pub(super) fn explain(promise: &str) -> Option<&'static str> {
    Some(match promise {
        "D1" => {
            "D1 means: what `commit` has returned `Ok` for survives the end of the process and a power cut, and comes back as it was. \
             Positions ascend, and none is given twice.\n\
             Where to look: `commit` must return after the data is on the disk. The last position that was given must outlive a sweep \
             of all events."
        }
        "D2" => {
            "D2 means: a batch that is rejected has stored nothing, neither events nor marks.\n\
             Where to look: `commit` makes one transaction of a batch, and rolls it back on any error."
        }
        "D3" => {
            "D3 means: each durable listener gets every event from its start on until the event has ended for it.\n\
             Where to look: `read` must return no event before those with lower positions are visible. `commit` raises floors, \
             remembers what has ended above them, and keeps what is parked when a floor passes it."
        }
        "D5" => {
            "D5 means: after a clean close nothing is delivered twice, and after a crash no more than what may have been started.\n\
             Where to look: `commit` records what may have started, and `clean`; `claim` returns them as they were and sets `clean` to false."
        }
        "D6" => {
            "D6 means: an event with an ID that is stored is not stored again. It is a duplicate if topic, codec and payload are the \
             same, and a conflict if they are not.\n\
             Where to look: `commit` compares IDs, also within a batch. Content alone makes no duplicate."
        }
        "D7" => {
            "D7 means: attempts and due times survive a restart.\n\
             Where to look: `commit` inserts or replaces what is parked, and deletes it when the event has ended; `parked` returns it \
             as it was."
        }
        "D8" => {
            "D8 means: a dead event stays until somebody redrives or discards it.\n\
             Where to look: `redrive` and `discard` change dead events only, and need no claim."
        }
        "D12" => {
            "D12 means: a store that is full rejects new events, loses none, and still records progress.\n\
             Where to look: `commit` returns `Full` and stores nothing of the batch. Keep room for marks, since a sweep needs them."
        }
        "D14" => {
            "D14 means: one process at a time handles the events of a listener, and one that was overtaken can mark nothing.\n\
             Where to look: `claim` raises the term; `commit` compares it inside the transaction. A claim ends with its process."
        }
        "D15" => {
            "D15 means: events go when every listener has ended them, and the listeners that are stored are known by name.\n\
             Where to look: `sweep` keeps what is waiting or parked for any listener; `listeners`, `remove_listener` and \
             `rename_listener`."
        }
        "D17" => {
            "D17 means: damaged bytes are found and named. They are never taken for a payload, and the other events are read.\n\
             Where to look: keep a checksum of each event, and compare it in `read`, `fetch` and `find`."
        }
        "D18" => {
            "D18 means: a close loses nothing, and what has not ended stays for the next process.\n\
             Where to look: `close`, and the `open` after it."
        }
        _ => return None,
    })
}

/// What to read for a case that tests no numbered promise.
pub(super) const METHOD: &str =
    "This is what the docs of the methods of `Store` say that the sentence is about.";
