//! Which patterns a route applies to.

use soiree_core::Pattern;

use super::model::RouteInfo;

/// The most specific route that matches all topics of this pattern, if it is one of another pattern. The routes are in their order.
pub(super) fn route_of<'a>(routes: &'a [RouteInfo], pattern: &Pattern) -> Option<&'a RouteInfo> {
    let mut routes = routes.iter();
    let route = routes.find(|route| contains(&route.pattern, pattern))?;
    (route.pattern != *pattern).then_some(route)
}

/// Whether the one pattern matches every topic that the other one does. `false` in doubt.
fn contains(one: &Pattern, other: &Pattern) -> bool {
    if !other.as_str().contains("**") {
        // A wildcard of the other one is a segment like any other: it matches where each segment does.
        return one.matches(other.as_str());
    }
    let prefix = one.as_str().strip_suffix("**");
    prefix.is_some_and(|prefix| !prefix.contains('*') && other.as_str().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    /// T1: of the routes that match all topics of a pattern, the most specific one decides.
    #[test]
    fn the_most_specific_route_of_all_topics_decides() {
        let routes = ["order.*.paid", "order.*", "order.**", "**.x", "**"].map(|text| RouteInfo {
            pattern: pattern(text),
            pool: text.into(),
        });
        let found = |text: &str| {
            let route = route_of(&routes, &pattern(text));
            route.map(|route| route.pattern.as_str())
        };
        assert_eq!(found("user.created"), Some("**"));
        assert_eq!(found("order.paid"), Some("order.*"));
        assert_eq!(found("order.7.paid"), Some("order.*.paid"));
        assert_eq!(found("order.7.sent"), Some("order.**"));
        assert_eq!(found("order.*.*"), Some("order.**"));
        assert_eq!(found("order.eu.**"), Some("order.**"));
        assert_eq!(found("order.*"), None, "it has a route of its own");
        assert_eq!(found("**.paid"), Some("**"));
    }
}
