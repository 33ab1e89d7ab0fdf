//! What is found in the files, against what the senders know.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::path::Path;

use soiree::EventId;
use soiree::sqlite::rusqlite::{Connection, OpenFlags};

use super::ledger::{Ledger, is_declined};
use crate::arrangement::EVENTS_FILE;
use crate::listeners::{exported, mailed};

pub(super) struct Table {
    accepted: usize,
    stored: u64,
    repeats: u64,
    transactional: u64,
    redriven: usize,
    rows: Vec<Row>,
    problems: Vec<String>,
}

struct Row {
    listener: &'static str,
    done: usize,
    dead: usize,
    twice: usize,
    lost: usize,
}

pub(super) fn count(data: &Path, ledger: &Ledger) -> Result<Table, Box<dyn Error>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(data.join(EVENTS_FILE), flags)?;
    let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
    // Events that have ended are removed after a while; positions are given once.
    let stored =
        number("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'soiree_event'")?;
    let transactional = number("SELECT coalesce(sum(times), 0) FROM ingest_counted")?;
    let by_topic = number("SELECT coalesce(sum(events), 0) FROM ingest_topic")?;

    let positions = ledger.positions();
    let mut problems = ledger.problems();
    if by_topic != transactional {
        problems.push(format!(
            "index counted {by_topic} by topic, and {transactional} by event"
        ));
    }
    let indexed = indexed(&connection)?;
    let mails = mailed(data)?;
    let redriven = ledger.redriven_ids();
    check_order(
        &mails_in_order(&mails, &positions, &redriven),
        &mut problems,
    );
    let dead = dead(&connection)?;
    let rows = vec![
        row("index", &positions, &indexed, &dead),
        row("forward", &positions, &ledger.forwarded_ids(), &dead),
        row("export", &positions, &times(exported(data)?), &dead),
        row(
            "mail",
            &positions,
            &times(mails.into_iter().map(|mail| mail.id)),
            &dead,
        ),
    ];
    let declined: HashSet<EventId> = positions
        .keys()
        .copied()
        .filter(|id| is_declined(*id))
        .collect();
    if dead["forward"] != declined {
        let (found, expected) = (dead["forward"].len(), declined.len());
        problems.push(format!(
            "forward has {found} dead events, and the receiver declined {expected}"
        ));
    }
    Ok(Table {
        accepted: positions.len(),
        stored: stored.unsigned_abs(),
        repeats: ledger.repeats(),
        transactional: transactional.unsigned_abs(),
        redriven: redriven.len(),
        rows,
        problems,
    })
}

type Times = HashMap<EventId, u32>;

fn times(ids: impl IntoIterator<Item = EventId>) -> Times {
    let mut times = Times::new();
    for id in ids {
        *times.entry(id).or_default() += 1;
    }
    times
}

fn indexed(connection: &Connection) -> Result<Times, Box<dyn Error>> {
    let mut statement = connection.prepare("SELECT id, times FROM ingest_counted")?;
    let rows = statement.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut times = Times::new();
    for row in rows {
        let (id, count) = row?;
        times.insert(id.parse()?, count);
    }
    Ok(times)
}

/// The dead events of each listener.
fn dead(
    connection: &Connection,
) -> Result<HashMap<&'static str, HashSet<EventId>>, Box<dyn Error>> {
    let mut all: HashMap<_, _> = crate::listeners::NAMES
        .map(|name| (name, HashSet::new()))
        .into();
    let mut statement = connection.prepare(
        "SELECT listener.name, event.id FROM soiree_parked AS parked
         JOIN soiree_listener AS listener ON listener.id = parked.listener
         JOIN soiree_event AS event ON event.seq = parked.seq
         WHERE parked.state = 'dead'",
    )?;
    let rows = statement.query_map((), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, [u8; 16]>(1)?))
    })?;
    for row in rows {
        let (name, id) = row?;
        let ids = all
            .get_mut(name.as_str())
            .ok_or("a listener of another name")?;
        ids.insert(u128::from_be_bytes(id).into());
    }
    Ok(all)
}

fn row(
    listener: &'static str,
    positions: &HashMap<EventId, u64>,
    handled: &Times,
    dead: &HashMap<&'static str, HashSet<EventId>>,
) -> Row {
    let dead = &dead[listener];
    let is_lost = |id: &&EventId| !handled.contains_key(*id) && !dead.contains(*id);
    Row {
        listener,
        done: positions
            .keys()
            .filter(|id| handled.contains_key(*id))
            .count(),
        dead: dead.len(),
        twice: handled.values().filter(|times| **times > 1).count(),
        lost: positions.keys().filter(is_lost).count(),
    }
}

/// The positions of the mails of each account, first mails only. A redriven one comes late.
fn mails_in_order<'m>(
    mails: &'m [crate::listeners::Mailed],
    positions: &HashMap<EventId, u64>,
    redriven: &HashSet<EventId>,
) -> HashMap<&'m str, Vec<u64>> {
    let mut seen = redriven.clone();
    let mut by_account: HashMap<&str, Vec<u64>> = HashMap::new();
    for mail in mails {
        if let (true, Some(position)) = (seen.insert(mail.id), positions.get(&mail.id)) {
            by_account.entry(&mail.account).or_default().push(*position);
        }
    }
    by_account
}

fn check_order(by_account: &HashMap<&str, Vec<u64>>, problems: &mut Vec<String>) {
    for (account, positions) in by_account {
        if !positions.is_sorted() {
            problems.push(format!("mails of {account} are out of order"));
        }
    }
}

impl Table {
    pub(super) fn is_right(&self) -> bool {
        let accepted = self.accepted as u64;
        let is_exact = self.stored == accepted && self.transactional == accepted;
        let is_once = self
            .rows
            .iter()
            .all(|row| row.listener != "index" || row.twice == 0);
        let is_whole = self.rows.iter().all(|row| row.lost == 0);
        is_exact && is_once && is_whole && self.problems.is_empty() && self.accepted > 0
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accepted,
            stored,
            repeats,
            transactional,
            redriven,
            ..
        } = self;
        writeln!(f, "accepted       {accepted:>9}")?;
        writeln!(f, "stored         {stored:>9}")?;
        writeln!(
            f,
            "repeats        {repeats:>9}   recognized, and not stored again"
        )?;
        writeln!(
            f,
            "transactional  {transactional:>9}   counted by index; exactly as many as accepted"
        )?;
        writeln!(
            f,
            "redriven       {redriven:>9}   were running at three kills, and dead until then"
        )?;
        writeln!(f)?;
        writeln!(f, "listener            done      dead     twice      lost")?;
        for row in &self.rows {
            let Row {
                listener,
                done,
                dead,
                twice,
                lost,
            } = row;
            writeln!(f, "{listener:<14}{done:>10}{dead:>10}{twice:>10}{lost:>10}")?;
        }
        for problem in &self.problems {
            writeln!(f, "wrong: {problem}")?;
        }
        let verdict = if self.is_right() {
            "nothing was lost"
        } else {
            "SOMETHING IS WRONG"
        };
        writeln!(f, "{verdict}")
    }
}
