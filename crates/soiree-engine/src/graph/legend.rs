//! What the colors and arrows of a drawing mean.

use std::fmt;

use super::dot::{Drawing, Shown, TABLE};

impl Drawing<'_, '_> {
    /// Explains what is drawn, and nothing else.
    pub(super) fn legend(&mut self, shown: Shown) -> fmt::Result {
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
                shown.routes,
            ),
            (
                "white",
                "dashed arrow: this listener runs on this pool",
                shown.own_pools,
            ),
            (
                "honeydew2",
                "a store, with an arrow to each durable listener",
                shown.durable,
            ),
            ("lavender", "a bridge to other machines", shown.bridges),
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
