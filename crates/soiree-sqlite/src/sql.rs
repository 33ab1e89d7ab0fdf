//! The statements, for each prefix of tables.

macro_rules! statements {
    ($($name:ident: $text:literal,)+) => {
        /// The text of every statement, with the names of the tables.
        pub(crate) struct Sql {
            $(pub(crate) $name: Box<str>,)+
        }

        impl Sql {
            pub(crate) fn new(prefix: &str) -> Self {
                Self {
                    $($name: $text.replace("{p}", prefix).into(),)+
                }
            }

            /// All statements, with their names.
            pub(crate) fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), &*self.$name)),+]
            }
        }
    };
}

statements! {
    meta: "SELECT value FROM {p}_meta WHERE name = ?1",

    insert_event: "INSERT INTO {p}_event(id, topic, codec, emitted_at, crc, properties, payload) \
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING",
    append_event: "INSERT INTO {p}_event(id, topic, codec, emitted_at, crc, properties, payload) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING seq",
    same_event: "SELECT seq, topic = ?2 AND codec = ?3 AND payload = ?4 FROM {p}_event WHERE id = ?1",
    read_events: "SELECT seq, id, topic, codec, emitted_at, crc, properties, payload FROM {p}_event \
        WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    fetch_event: "SELECT seq, id, topic, codec, emitted_at, crc, properties, payload FROM {p}_event WHERE seq = ?1",
    find_event: "SELECT seq, id, topic, codec, emitted_at, crc, properties, payload FROM {p}_event WHERE id = ?1",
    last: "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{p}_event'), 0), \
        coalesce((SELECT max(seq) FROM {p}_event), 0))",
    count_events: "SELECT count(*) FROM {p}_event",

    listener: "SELECT id, name, pattern, floor, started, clean, term, crc FROM {p}_listener WHERE name = ?1",
    listeners: "SELECT id, name, pattern, floor, started, clean, term, crc FROM {p}_listener ORDER BY name",
    insert_listener: "INSERT INTO {p}_listener(name, pattern, floor, started, clean, term, crc) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    update_listener: "UPDATE {p}_listener SET name = ?2, pattern = ?3, floor = ?4, started = ?5, clean = ?6, term = ?7, \
        crc = ?8 WHERE id = ?1",
    set_owner: "UPDATE {p}_listener SET owner = ?2, seen_at = ?3 WHERE id = ?1",
    delete_listener: "DELETE FROM {p}_listener WHERE id = ?1",

    done: "SELECT seq, crc FROM {p}_done WHERE listener = ?1 ORDER BY seq",
    done_one: "SELECT crc FROM {p}_done WHERE listener = ?1 AND seq = ?2",
    count_done: "SELECT count(*) FROM {p}_done WHERE listener = ?1",
    last_done: "SELECT max(seq) FROM {p}_done WHERE listener = ?1",
    insert_done: "INSERT INTO {p}_done(listener, seq, crc) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    fold_done: "DELETE FROM {p}_done WHERE listener = ?1 AND seq <= ?2",
    delete_done: "DELETE FROM {p}_done WHERE listener = ?1",

    parked: "SELECT seq, state, attempts, crashes, due, ordering, error, crc FROM {p}_parked \
        WHERE listener = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    parked_in: "SELECT seq, state, attempts, crashes, due, ordering, error, crc FROM {p}_parked \
        WHERE listener = ?1 AND state = ?4 AND seq > ?2 ORDER BY seq LIMIT ?3",
    parked_one: "SELECT seq, state, attempts, crashes, due, ordering, error, crc FROM {p}_parked \
        WHERE listener = ?1 AND seq = ?2",
    count_parked: "SELECT state, count(*) FROM {p}_parked WHERE listener = ?1 GROUP BY state",
    parked_above: "SELECT count(*) FROM {p}_parked WHERE listener = ?1 AND seq > ?2",
    put_parked: "REPLACE INTO {p}_parked(listener, seq, state, attempts, crashes, due, ordering, error, crc) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    delete_parked: "DELETE FROM {p}_parked WHERE listener = ?1 AND seq = ?2",
    delete_all_parked: "DELETE FROM {p}_parked WHERE listener = ?1",

    sweepable: "SELECT e.seq, e.emitted_at < ?3, \
        EXISTS (SELECT 1 FROM {p}_listener l JOIN {p}_parked p ON p.listener = l.id AND p.seq = e.seq), \
        EXISTS (SELECT 1 FROM {p}_listener l WHERE e.seq > l.floor \
            AND NOT EXISTS (SELECT 1 FROM {p}_done d WHERE d.listener = l.id AND d.seq = e.seq)) \
        FROM {p}_event e WHERE e.seq > ?1 AND e.seq <= ?2 ORDER BY e.seq LIMIT ?4",
    delete_events: "DELETE FROM {p}_event WHERE seq BETWEEN ?1 AND ?2",
}
