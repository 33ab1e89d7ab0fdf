//! Bridges to other machines, in the language of Graphviz.

use std::fmt;

use soiree_core::registry::overlap;
use soiree_core::{Pattern, PatternInfo};

use super::dot::{Drawing, Escaped, TABLE};
use super::model::{BridgeConsumerInfo, BridgeInfo};

const COLOR: &str = "mediumpurple3";

impl<'a> Drawing<'a, '_> {
    pub(super) fn bridge(&mut self, bridge: &'a BridgeInfo) -> fmt::Result {
        let node = self.node();
        self.bridges.push((node, bridge));
        let name = Escaped(&bridge.name);
        write!(
            self.f,
            r#"    n{node} [label=<{TABLE}<TR><TD PORT="head" BGCOLOR="lavender"><B>{name}</B></TD></TR><TR><TD ALIGN="LEFT">"#
        )?;
        match bridge.is_connected {
            true => self.f.write_str("connected")?,
            false => red(self.f, "not connected")?,
        }
        write!(self.f, ", {} published", bridge.published)?;
        if let Some(error) = &bridge.error {
            self.f.write_str("<BR/>")?;
            red(self.f, Escaped(error))?;
        }
        self.f.write_str("</TD></TR>")?;
        for (row, consumer) in bridge.consumers.iter().enumerate() {
            write!(self.f, r#"<TR><TD PORT="c{row}" ALIGN="LEFT">"#)?;
            let text = Consumer(consumer);
            match consumer.is_pulling && consumer.dead == 0 {
                true => write!(self.f, "{text}")?,
                false => red(self.f, text)?,
            }
            self.f.write_str("</TD></TR>")?;
        }
        self.f.write_str("</TABLE>>];\n")
    }

    /// From the listeners that publish to their bridge, and from its consumers to the patterns whose events they bring.
    pub(super) fn bridge_arrows(&mut self, node: usize, info: &PatternInfo) -> fmt::Result {
        for (bridge_node, bridge) in &self.bridges {
            for (row, listener) in info.listeners.iter().enumerate() {
                if bridge.publishers.contains(&listener.id) {
                    writeln!(
                        self.f,
                        r#"    n{node}:l{row}:e -> n{bridge_node}:head [color="{COLOR}"];"#
                    )?;
                }
            }
            for (row, consumer) in bridge.consumers.iter().enumerate() {
                let consumed = Pattern::new(&consumer.pattern);
                if consumed.is_ok_and(|consumed| overlap(&consumed, &info.pattern)) {
                    writeln!(
                        self.f,
                        r#"    n{bridge_node}:c{row}:e -> n{node}:head [color="{COLOR}"];"#
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn red(f: &mut fmt::Formatter<'_>, text: impl fmt::Display) -> fmt::Result {
    write!(f, r#"<FONT COLOR="firebrick">{text}</FONT>"#)
}

/// How a consumer stands.
struct Consumer<'a>(&'a BridgeConsumerInfo);

impl fmt::Display for Consumer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BridgeConsumerInfo {
            name,
            pattern,
            partitions,
            is_pulling,
            lag,
            received,
            acked,
            redelivered,
            dead,
        } = self.0;
        write!(f, "{} consumes {}", Escaped(name), Escaped(pattern))?;
        if let Some(partitions) = partitions {
            write!(f, " in {partitions} partitions")?;
        }
        if !is_pulling {
            write!(f, ", and gets nothing")?;
        }
        write!(
            f,
            ": {lag} waiting, {received} received, {acked} acked, {redelivered} redelivered, {dead} dead"
        )
    }
}
