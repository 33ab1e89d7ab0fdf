//! What the colors and arrows of a drawing mean.

use std::fmt;

use super::dot::{Drawing, TABLE};
use super::model::Graph;

impl Drawing<'_, '_> {
    /// Explains what is drawn, and nothing else.
    pub(super) fn legend(&mut self, graph: &Graph) -> fmt::Result {
        let mut listeners = graph.patterns.iter().flat_map(|info| &info.listeners);
        let own_pools = listeners.any(|listener| listener.pool.is_some());
        let rows = [
            (
                "lightblue",
                "a pattern, its listeners in calling order",
                true,
            ),
            ("moccasin", "a pool", true),
            (
                "white",
                "bold arrow: emissions on these topics run on this pool",
                !graph.routes.is_empty(),
            ),
            (
                "white",
                "dashed arrow: this listener runs on this pool",
                own_pools,
            ),
            (
                "honeydew2",
                "a store, with an arrow to each durable listener",
                !graph.stores.is_empty(),
            ),
            (
                "lavender",
                "a bridge to other machines",
                !graph.bridges.is_empty(),
            ),
        ];
        write!(self.f, "    legend [label=<{TABLE}")?;
        for (color, text, is_shown) in rows {
            if is_shown {
                write!(
                    self.f,
                    r#"<TR><TD BGCOLOR="{color}">  </TD><TD ALIGN="LEFT">{text}</TD></TR>"#
                )?;
            }
        }
        self.f.write_str("</TABLE>>];\n")
    }
}
