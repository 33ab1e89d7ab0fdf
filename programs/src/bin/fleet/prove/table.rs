//! What is found in the journal and in the stream, against what the customers know.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use crate::journal::Handled;
use crate::process::MEMBERS;

#[derive(Default)]
pub(super) struct Table {
    accepted: u64,
    in_stream: u64,
    handled: u64,
    elsewhere: u64,
    twice: u64,
    out_of_order: u64,
    lost: u64,
    by_process: [u64; MEMBERS],
}

/// How many different orders were handled.
pub(super) fn distinct(handled: &[Handled]) -> u64 {
    let orders = handled
        .iter()
        .map(|one| (&one.order.account, one.order.number));
    orders.collect::<HashSet<_>>().len() as u64
}

impl Table {
    /// `accepted` has how many orders of each account there are.
    pub(super) fn count(
        accepted: &BTreeMap<String, u64>,
        handled: &[Handled],
        in_stream: u64,
    ) -> Self {
        let mut table = Self {
            accepted: accepted.values().sum(),
            in_stream,
            ..Self::default()
        };
        // The number that comes next in each account, if each order is handled in its turn.
        let mut next = HashMap::<&str, u64>::new();
        let mut seen = HashSet::new();
        for one in handled {
            let (account, number) = (one.order.account.as_str(), one.order.number);
            if !seen.insert((account, number)) {
                table.twice += 1;
                continue;
            }
            let next = next.entry(account).or_default();
            table.out_of_order += u64::from(number != *next);
            *next = number + 1;
            table.handled += 1;
            table.elsewhere += u64::from(one.by != one.order.taken_by);
            if let Some(count) = table.by_process.get_mut(one.by) {
                *count += 1;
            }
        }
        for (account, count) in accepted {
            let is_lost = |number: &u64| !seen.contains(&(account.as_str(), *number));
            table.lost += (0..*count).filter(is_lost).count() as u64;
        }
        table
    }

    pub(super) fn is_right(&self) -> bool {
        let is_exact = self.handled == self.accepted && self.in_stream == self.accepted;
        is_exact && self.lost == 0 && self.out_of_order == 0 && self.accepted > 0
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("accepted", self.accepted, "answered with 202"),
            (
                "published",
                self.in_stream,
                "messages in the stream; exactly as many as accepted",
            ),
            ("handled", self.handled, "by one process of the group each"),
            (
                "elsewhere",
                self.elsewhere,
                "of these, by another process than the one that accepted it",
            ),
            (
                "twice",
                self.twice,
                "handled again: killed after the work, before the server had noted its end",
            ),
            (
                "out of order",
                self.out_of_order,
                "handled before an earlier order of the account",
            ),
            ("lost", self.lost, ""),
        ];
        for (name, count, what) in rows {
            writeln!(
                f,
                "{}",
                format!("{name:<14} {count:>9}   {what}").trim_end()
            )?;
        }
        writeln!(f)?;
        writeln!(f, "process          handled")?;
        for (index, count) in self.by_process.iter().enumerate() {
            writeln!(f, "{index:<14} {count:>9}")?;
        }
        let verdict = match self.is_right() {
            true => "nothing was lost, and each account is in order",
            false => "SOMETHING IS WRONG",
        };
        writeln!(f, "{verdict}")
    }
}
