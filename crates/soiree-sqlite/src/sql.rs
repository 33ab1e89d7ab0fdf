//! The statements, for each prefix of tables.

macro_rules! statements {
    ($($name:ident: $text:literal,)+) => {
        /// The text of every statement, with the names of the tables.
        pub(crate) struct Sql {
            $(pub(crate) $name: Box<str>,)+
            /// Statements that append several events, with how many: most first, and one last.
            pub(crate) append_rows: [(usize, Box<str>); 3],
        }

        impl Sql {
            pub(crate) fn new(prefix: &str) -> Self {
                Self {
                    $($name: $text.replace("{p}", prefix).into(),)+
                    append_rows: APPEND_ROWS.map(|rows| (rows, append_rows(prefix, rows).into())),
                }
            }

            /// All statements, with their names.
            pub(crate) fn all(&self) -> Vec<(&'static str, &str)> {
                let appends = self.append_rows.iter().map(|(_, text)| ("append_rows", &**text));
                [$((stringify!($name), &*self.$name)),+].into_iter().chain(appends).collect()
            }
        }
    };
}

statements! {
    meta: "SELECT value FROM {p}_meta WHERE name = ?1",

    insert_event: "INSERT INTO {p}_event(id, topic, codec, emitted_at, crc, properties, payload) \
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING",
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

    // The cross join keeps SQLite from going through all parked events for each event.
    sweepable: "SELECT e.seq, e.emitted_at < ?3, \
        EXISTS (SELECT 1 FROM {p}_listener l CROSS JOIN {p}_parked p ON p.listener = l.id AND p.seq = e.seq), \
        EXISTS (SELECT 1 FROM {p}_listener l WHERE e.seq > l.floor \
            AND NOT EXISTS (SELECT 1 FROM {p}_done d WHERE d.listener = l.id AND d.seq = e.seq)) \
        FROM {p}_event e WHERE e.seq > ?1 AND e.seq <= ?2 ORDER BY e.seq LIMIT ?4",
    delete_events: "DELETE FROM {p}_event WHERE seq BETWEEN ?1 AND ?2",
}

/// How many events a statement appends.
const APPEND_ROWS: [usize; 3] = [32, 8, 1];

fn append_rows(prefix: &str, rows: usize) -> String {
    let values = vec!["(?, ?, ?, ?, ?, ?, ?)"; rows].join(", ");
    format!(
        "INSERT INTO {prefix}_event(id, topic, codec, emitted_at, crc, properties, payload) VALUES {values}"
    )
}

impl Sql {
    /// The statement that appends most of this many events, and how many it appends. `None` if there are none.
    pub(crate) fn append_for(&self, events: usize) -> Option<(usize, &str)> {
        let mut statements = self.append_rows.iter();
        let (rows, text) = statements.find(|(rows, _)| *rows <= events)?;
        Some((*rows, text))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::schema;

    /// What SQLite does for a statement, step by step.
    fn plan(connection: &Connection, text: &str) -> Vec<String> {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {text}"))
            .unwrap();
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get("detail").unwrap());
        }
        steps
    }

    /// The steps that look at more rows than they are to find.
    fn scans(connection: &Connection, text: &str) -> Vec<String> {
        let few_rows = [
            "SCAN CONSTANT ROW",
            "SCAN sqlite_sequence",
            "SCAN soiree_listener",
            "SCAN l",
        ];
        let scans = |step: &String| {
            let is_own = step.ends_with("-ROW VALUES CLAUSE");
            let is_scan = (step.starts_with("SCAN") && !is_own) || step.contains("AUTOMATIC");
            let sorts = step.contains("TEMP B-TREE");
            sorts
                || (is_scan
                    && !few_rows
                        .iter()
                        .any(|few| step.split(" USING").next() == Some(few)))
        };
        plan(connection, text).into_iter().filter(scans).collect()
    }

    fn filled() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        schema::migrate(&connection, "soiree").unwrap();
        let fill = "
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
            INSERT INTO soiree_event(id, topic, codec, emitted_at, crc, payload)
                SELECT randomblob(16), 'a.b', 'raw', n, 0, zeroblob(10) FROM n;
            INSERT INTO soiree_listener(name, pattern, floor, started, clean, term, crc)
                VALUES ('one', '**', 5, 5, 1, 1, 0), ('two', '**', 5, 5, 1, 1, 0);
            INSERT INTO soiree_done SELECT 1, seq, 0 FROM soiree_event;
            INSERT INTO soiree_parked
                SELECT 2, seq, iif(seq % 2, 'dead', 'retry'), 1, 0, 0, NULL, NULL, 0 FROM soiree_event;";
        connection.execute_batch(fill).unwrap();
        connection
    }

    /// D12, D15: no statement gets slower with the number of events, but for the one that counts them when the store is opened.
    #[test]
    fn no_statement_scans_events() {
        let sql = Sql::new("soiree");
        let connection = filled();
        for statistics in ["", "ANALYZE"] {
            connection.execute_batch(statistics).unwrap();
            for (name, text) in sql.all() {
                let found = scans(&connection, text);
                let expected: &[&str] = match name {
                    "count_events" => {
                        &["SCAN soiree_event USING COVERING INDEX sqlite_autoindex_soiree_event_1"]
                    }
                    _ => &[],
                };
                assert_eq!(found, expected, "{name}, {statistics:?}");
            }
        }
    }

    /// A scan is recognized: of a table, of an index, and as a sort.
    #[test]
    fn scans_are_recognized() {
        let connection = filled();
        for text in [
            "SELECT payload FROM soiree_event WHERE topic = ?1",
            "SELECT 1 FROM soiree_parked WHERE due < ?1",
            "SELECT 1 FROM soiree_done WHERE seq = ?1",
            "SELECT seq FROM soiree_parked WHERE listener = ?1 ORDER BY due",
        ] {
            assert_ne!(scans(&connection, text), [""; 0], "{text}");
        }
    }
}
