//! Circles: names that import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Pairs of importing and imported name, with the place of the first import.
pub(super) type Edges = BTreeMap<(String, String), Site>;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) path: String,
    pub(super) line: usize,
}

/// The shortest circles, as `a.rs:12 -> b.rs:5 -> a.rs`. No two of them share a name, so one mistake gives one line.
pub(super) fn shortest(edges: &Edges) -> Vec<String> {
    let names: BTreeSet<&str> = edges.keys().map(|(from, _)| from.as_str()).collect();
    let mut circles: Vec<Vec<&str>> = names
        .into_iter()
        .filter_map(|name| through(edges, name))
        .collect();
    circles.sort_by_key(Vec::len);
    let mut shown = BTreeSet::new();
    let mut lines = Vec::new();
    for circle in circles {
        if circle.iter().any(|name| shown.contains(name)) {
            continue;
        }
        lines.push(line(edges, &circle));
        shown.extend(circle);
    }
    lines
}

/// The shortest circle that starts at a name.
fn through<'a>(edges: &'a Edges, name: &'a str) -> Option<Vec<&'a str>> {
    let mut reached_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([name]);
    while let Some(from) = queue.pop_front() {
        for (_, to) in edges.keys().filter(|(source, _)| source == from) {
            if to == name {
                let mut circle = vec![from];
                while let Some(previous) = circle.last().and_then(|last| reached_from.get(last)) {
                    circle.push(previous);
                }
                circle.reverse();
                return Some(circle);
            }
            if !reached_from.contains_key(to.as_str()) {
                reached_from.insert(to, from);
                queue.push_back(to);
            }
        }
    }
    None
}

fn line(edges: &Edges, circle: &[&str]) -> String {
    let mut line = String::new();
    let next = circle.iter().cycle().skip(1);
    let sites = circle
        .iter()
        .zip(next)
        .map(|(from, to)| &edges[&(String::from(*from), String::from(*to))]);
    for Site { path, line: number } in sites.clone() {
        line.push_str(&format!("{path}:{number} -> "));
    }
    let start = sites.map(|site| site.path.as_str()).next();
    line + start.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(&str, &str)]) -> Edges {
        let number = 1..;
        pairs
            .iter()
            .zip(number)
            .map(|((from, to), line)| {
                let path = format!("{from}.rs");
                (
                    (String::from(*from), String::from(*to)),
                    Site { path, line },
                )
            })
            .collect()
    }

    #[test]
    fn without_a_circle_nothing_is_shown() {
        assert!(shortest(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    }

    #[test]
    fn a_circle_of_two_is_found() {
        let edges = edges(&[("c", "a"), ("a", "b"), ("b", "a")]);
        assert_eq!(shortest(&edges), ["a.rs:2 -> b.rs:3 -> a.rs"]);
    }

    #[test]
    fn a_circle_of_three_is_found() {
        let edges = edges(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]);
        assert_eq!(shortest(&edges), ["a.rs:1 -> b.rs:2 -> c.rs:3 -> a.rs"]);
    }

    #[test]
    fn of_circles_that_share_a_name_only_the_shortest_is_shown() {
        let edges = edges(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("b", "a"),
            ("d", "e"),
            ("e", "d"),
        ]);
        assert_eq!(
            shortest(&edges),
            ["a.rs:1 -> b.rs:4 -> a.rs", "d.rs:5 -> e.rs:6 -> d.rs"]
        );
    }
}
