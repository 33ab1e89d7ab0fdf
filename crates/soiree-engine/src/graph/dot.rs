//! A graph in the language of Graphviz.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use soiree_core::{ListenerInfo, PatternInfo};

use super::model::{BridgeInfo, Graph, PoolInfo, RouteInfo, StoreInfo, StoreListenerInfo};
use super::routes::route_of;
use super::tree::Branch;

const HEAD: &str = r#"digraph soiree {
    graph [rankdir=LR, nodesep=0.25, ranksep=0.7, fontname="Helvetica,Arial,sans-serif"];
    node [shape=plain, fontname="Helvetica,Arial,sans-serif", fontsize=11];
    edge [color="gray50", fontcolor="gray30", fontname="Helvetica,Arial,sans-serif", fontsize=10, arrowsize=0.7];
"#;
pub(super) const TABLE: &str =
    r#"<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="5" COLOR="gray50">"#;
/// Around a name: with the border of its cell, a double one.
const INNER: &str =
    r#"<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="gray50"><TR><TD>"#;

impl Graph {
    /// The graph in the language of Graphviz. All names are escaped; invisible characters are spelled out, as `\u{7f}`.
    pub fn to_dot(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, f)
    }
}

fn write(graph: &Graph, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(HEAD)?;
    let mut drawing = Drawing {
        f,
        nodes: 0,
        pools: BTreeMap::new(),
        stores: BTreeMap::new(),
        bridges: Vec::new(),
        routes: &graph.routes,
    };
    drawing.f.write_str("    { rank=sink;\n")?;
    for pool in &graph.pools {
        drawing.pool(pool)?;
    }
    drawing.f.write_str("    }\n")?;
    for store in &graph.stores {
        drawing.store(store)?;
    }
    for bridge in &graph.bridges {
        drawing.bridge(bridge)?;
    }
    drawing.branches(&Branch::of(graph), "", None)?;
    if !graph.pools.is_empty() {
        drawing.legend(graph)?;
    }
    f.write_str("}\n")
}

pub(super) struct Drawing<'a, 'f> {
    pub(super) f: &'a mut fmt::Formatter<'f>,
    nodes: usize,
    /// The node of each pool.
    pools: BTreeMap<&'a str, usize>,
    /// Durable listeners, and the node of the store that knows them.
    stores: BTreeMap<&'a str, (usize, &'a StoreListenerInfo)>,
    /// The node of each bridge.
    pub(super) bridges: Vec<(usize, &'a BridgeInfo)>,
    routes: &'a [RouteInfo],
}

impl<'a> Drawing<'a, '_> {
    pub(super) fn node(&mut self) -> usize {
        self.nodes += 1;
        self.nodes
    }

    fn pool(&mut self, pool: &'a PoolInfo) -> fmt::Result {
        let node = self.node();
        self.pools.insert(&pool.name, node);
        let stats = &pool.stats;
        writeln!(
            self.f,
            r#"    n{node} [label=<{TABLE}<TR><TD BGCOLOR="moccasin"><B>{}</B></TD></TR><TR><TD>{} of {} workers<BR/>{} of {} waiting<BR/>{} rejected</TD></TR></TABLE>>];"#,
            Escaped(&pool.name),
            stats.running,
            Bound(stats.max_workers),
            stats.waiting,
            Bound(stats.capacity),
            stats.rejected,
        )
    }

    fn store(&mut self, store: &'a StoreInfo) -> fmt::Result {
        let node = self.node();
        let (name, events) = (Escaped(&store.name), store.events);
        write!(
            self.f,
            r#"    n{node} [shape=cylinder, style=filled, fillcolor="honeydew2", label=<<B>{name}</B><BR/>events: {events}"#
        )?;
        if let Some(error) = &store.error {
            let error = Escaped(error);
            write!(self.f, r#"<BR/><FONT COLOR="firebrick">{error}</FONT>"#)?;
        }
        for listener in &store.listeners {
            if listener.is_orphan {
                let name = Escaped(&listener.name);
                write!(
                    self.f,
                    r#"<BR/><FONT COLOR="firebrick">{name} is not subscribed: {}</FONT>"#,
                    Standing(listener)
                )?;
            } else {
                self.stores.insert(&listener.name, (node, listener));
            }
        }
        self.f.write_str(">];\n")
    }

    fn branches(
        &mut self,
        parent_branch: &Branch<'_>,
        path: &str,
        parent: Option<usize>,
    ) -> fmt::Result {
        for (segment, branch) in &parent_branch.children {
            let path = match path {
                "" => (*segment).to_string(),
                path => format!("{path}.{segment}"),
            };
            let mut parent = parent;
            if branch.is_drawn() {
                let node = self.node();
                match branch.listeners {
                    Some(info) => self.pattern(node, info, branch)?,
                    None => self.prefix(node, branch, &path)?,
                }
                if let Some(parent) = parent {
                    writeln!(
                        self.f,
                        "    n{parent}:head -> n{node}:head [arrowhead=none];"
                    )?;
                }
                let inherited = branch
                    .listeners
                    .and_then(|info| route_of(self.routes, &info.pattern));
                let inherited = inherited.map(|route| &*route.pool);
                if let Some(pool) = branch.pool.or(inherited) {
                    self.arrow(node, "head", pool, "route", "bold")?;
                }
                parent = Some(node);
            }
            self.branches(branch, &path, parent)?;
        }
        Ok(())
    }

    /// A prefix that patterns share, or a pattern without listeners.
    fn prefix(&mut self, node: usize, branch: &Branch<'_>, path: &str) -> fmt::Result {
        let (color, dot) = match branch.is_pattern() {
            true => ("aliceblue", ""),
            false => ("gray92", "."),
        };
        let path = Escaped(path);
        write!(
            self.f,
            r#"    n{node} [label=<{TABLE}<TR><TD PORT="head" BGCOLOR="{color}">{path}{dot}</TD></TR>"#
        )?;
        self.order(branch)?;
        self.f.write_str("</TABLE>>];\n")
    }

    fn order(&mut self, branch: &Branch<'_>) -> fmt::Result {
        let Some(order) = branch.order else {
            return Ok(());
        };
        write!(
            self.f,
            r#"<TR><TD COLSPAN="4" ALIGN="LEFT">ordered by key: {} under way, {} events waiting</TD></TR>"#,
            order.keys, order.waiting
        )
    }

    fn pattern(&mut self, node: usize, info: &PatternInfo, branch: &Branch<'_>) -> fmt::Result {
        let pattern = Escaped(info.pattern.as_str());
        write!(
            self.f,
            r#"    n{node} [label=<{TABLE}<TR><TD PORT="head" COLSPAN="4" BGCOLOR="lightblue"><B>{pattern}</B></TD></TR>"#
        )?;
        self.order(branch)?;
        for (row, listener) in info.listeners.iter().enumerate() {
            self.listener(row, listener)?;
        }
        self.f.write_str("</TABLE>>];\n")?;
        for (row, listener) in info.listeners.iter().enumerate() {
            if let Some(pool) = &listener.pool {
                self.arrow(node, &format!("l{row}"), pool, "", "dashed")?;
            }
            let durable = listener.durable.as_deref();
            if let Some((store, _)) = durable.and_then(|name| self.stores.get(name)) {
                writeln!(
                    self.f,
                    r#"    n{store} -> n{node}:l{row}:w [color="seagreen4"];"#
                )?;
            }
        }
        self.bridge_arrows(node, info)
    }

    fn listener(&mut self, row: usize, listener: &ListenerInfo) -> fmt::Result {
        write!(self.f, "<TR><TD>{}</TD>", listener.priority)?;
        match (&listener.durable, &listener.name) {
            (Some(durable), name) => {
                let name = Escaped(name.as_ref().unwrap_or(durable));
                write!(
                    self.f,
                    r#"<TD ALIGN="LEFT" CELLPADDING="2">{INNER}{name}</TD></TR></TABLE></TD>"#
                )?;
            }
            (None, Some(name)) => write!(self.f, r#"<TD ALIGN="LEFT">{}</TD>"#, Escaped(name))?,
            (None, None) => write!(
                self.f,
                r#"<TD ALIGN="LEFT"><FONT COLOR="gray40">{}</FONT></TD>"#,
                Escaped(listener.id.as_str())
            )?,
        }
        self.f.write_str(r#"<TD ALIGN="LEFT">"#)?;
        if let Some(place) = listener.registered_at {
            write!(self.f, "{}:{}", Escaped(place.file()), place.line())?;
        }
        write!(self.f, r#"</TD><TD PORT="l{row}" ALIGN="LEFT">"#)?;
        self.options(listener)?;
        self.f.write_str("</TD></TR>")
    }

    fn options(&mut self, listener: &ListenerInfo) -> fmt::Result {
        let mut separator = "";
        let mut next = || std::mem::replace(&mut separator, ", ");
        if let Some(name) = listener.durable.as_deref() {
            match self.stores.get(name) {
                Some((_, durable)) => write!(self.f, "{}durable: {}", next(), Standing(durable))?,
                None => write!(self.f, "{}durable", next())?,
            }
        }
        if let Some(runs) = listener.runs_left {
            let plural = if runs == 1 { "run" } else { "runs" };
            write!(self.f, "{}{runs} {plural} left", next())?;
        }
        if listener.is_async {
            write!(self.f, "{}async", next())?;
        }
        if listener.has_filter {
            write!(self.f, "{}filter", next())?;
        }
        if let Some(retry) = &listener.retry {
            write!(self.f, "{}{} attempts", next(), retry.attempts())?;
        }
        if let Some(limit) = listener.timeout {
            write!(self.f, "{}times out after {limit:?}", next())?;
        }
        match listener.slow_after {
            Some(Duration::MAX) => write!(self.f, "{}never slow", next())?,
            Some(limit) => write!(self.f, "{}slow after {limit:?}", next())?,
            None => {}
        }
        if let Some(inbox) = &listener.inbox {
            let (waiting, capacity) = (inbox.waiting, inbox.capacity);
            write!(self.f, "{}inbox holds {waiting} of {capacity}", next())?;
            if inbox.received == 0 && waiting > 0 {
                write!(self.f, ", never read")?;
            }
            if inbox.missed > 0 {
                write!(self.f, ", missed {}", inbox.missed)?;
            }
        }
        if let Some(pool) = &listener.pool {
            let removed = if self.pools.contains_key(&**pool) {
                ""
            } else {
                ", which was removed"
            };
            write!(self.f, "{}on {}{removed}", next(), Escaped(pool))?;
        }
        Ok(())
    }

    /// An arrow to a pool, if there is such a pool.
    fn arrow(
        &mut self,
        node: usize,
        port: &str,
        pool: &str,
        label: &str,
        style: &str,
    ) -> fmt::Result {
        let Some(pool) = self.pools.get(pool) else {
            return Ok(());
        };
        writeln!(
            self.f,
            r#"    n{node}:{port}:e -> n{pool} [label="{label}", style={style}, color="darkorange3"];"#
        )
    }
}

/// How a durable listener stands.
struct Standing<'a>(&'a StoreListenerInfo);

impl fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoreListenerInfo {
            waiting,
            parked,
            dead,
            ..
        } = self.0;
        write!(f, "{waiting} waiting, {parked} parked, {dead} dead")?;
        if !self.0.is_held && !self.0.is_orphan {
            write!(f, ", in another process")?;
        }
        Ok(())
    }
}

/// A limit that may be unlimited.
struct Bound(usize);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            usize::MAX => f.write_str("any number of"),
            bound => bound.fmt(f),
        }
    }
}

/// Twice: after reading the markup, Graphviz replaces `\N` and the like by the name of the node.
const BACKSLASH: &str = "&#92;&#92;";

/// Text inside a label: markup characters become entities, and invisible characters are spelled out.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::new();
        for c in self.0.chars() {
            match c {
                '&' | '<' | '>' | '"' | '\'' => write!(f, "&#{};", u32::from(c))?,
                '\\' => f.write_str(BACKSLASH)?,
                c => {
                    // After another character, because an accent on its own would be spelled out as well.
                    shown.clear();
                    shown.extend(['a', c]);
                    for c in shown.escape_debug().skip(1) {
                        match c {
                            '\\' => f.write_str(BACKSLASH)?,
                            c => f.write_char(c)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
