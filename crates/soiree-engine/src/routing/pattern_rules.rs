//! Rules for topics, one for each pattern. The most specific pattern that matches a topic decides.

use std::sync::Arc;

use soiree_core::Pattern;
use soiree_core::registry::{PatternMap, Specificity, overlap, specificity};

/// Rules by pattern. Finding the rule of a topic takes no more time if there are more of them. Cheap to clone.
pub(crate) struct PatternRules<R> {
    rules: PatternMap<Arc<PatternRule<R>>>,
    added: u64,
    /// Replaced at every change.
    version: Arc<()>,
}

/// A pattern, and the rule for topics that match it.
pub(crate) struct PatternRule<R> {
    pub(crate) pattern: Pattern,
    pub(crate) rule: R,
    specificity: Specificity,
    /// The order in which equally specific patterns were added.
    number: u64,
}

impl<R> Clone for PatternRules<R> {
    fn clone(&self) -> Self {
        Self {
            rules: self.rules.clone(),
            added: self.added,
            version: Arc::clone(&self.version),
        }
    }
}

impl<R> Default for PatternRules<R> {
    fn default() -> Self {
        Self {
            rules: PatternMap::default(),
            added: 0,
            version: Arc::default(),
        }
    }
}

impl<R> PatternRules<R> {
    /// Adds a rule, which replaces the one of the same pattern.
    ///
    /// `agrees` is whether a topic may match both the pattern of another rule and this one, if both are equally specific. If not,
    /// adds nothing, and returns that other rule.
    pub(crate) fn add(
        &mut self,
        pattern: &Pattern,
        rule: R,
        agrees: impl Fn(&R) -> bool,
    ) -> Result<(), Arc<PatternRule<R>>> {
        let specificity = specificity(pattern);
        let contradicts = |other: &PatternRule<R>| {
            other.specificity == specificity
                && !agrees(&other.rule)
                && other.pattern != *pattern
                && overlap(&other.pattern, pattern)
        };
        // A pattern without wildcards is as specific as no other one that matches its topic.
        let mut first: Option<&Arc<PatternRule<R>>> = None;
        self.rules.for_each_candidate(pattern, |other| {
            let is_first = first.is_none_or(|first| other.number < first.number);
            if is_first && contradicts(other) {
                first = Some(other);
            }
        });
        if let Some(first) = first {
            return Err(Arc::clone(first));
        }
        let rule = PatternRule {
            pattern: pattern.clone(),
            rule,
            specificity,
            number: self.added,
        };
        self.added += 1;
        self.version = Arc::default();
        self.rules.insert(pattern, Arc::new(rule));
        Ok(())
    }

    /// Removes the rule of exactly this pattern. Returns whether there was one.
    pub(crate) fn remove(&mut self, pattern: &Pattern) -> bool {
        self.version = Arc::default();
        self.rules.remove(pattern)
    }

    /// Removes the rules for which `remains` is false.
    pub(crate) fn retain(&mut self, remains: impl Fn(&R) -> bool) {
        let all = self.rules.clone();
        for removed in all.values().into_iter().filter(|rule| !remains(&rule.rule)) {
            self.remove(&removed.pattern);
        }
    }

    /// The same patterns with other rules.
    pub(crate) fn map<T>(&self, mut map: impl FnMut(&R) -> T) -> PatternRules<T> {
        let mut rules = PatternMap::default();
        for rule in self.rules.values() {
            let mapped = PatternRule {
                pattern: rule.pattern.clone(),
                rule: map(&rule.rule),
                specificity: rule.specificity,
                number: rule.number,
            };
            rules.insert(&rule.pattern, Arc::new(mapped));
        }
        PatternRules {
            rules,
            added: self.added,
            version: Arc::default(),
        }
    }

    /// Whether one is a clone of the other, and neither has changed since.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.version, &other.version)
    }

    /// The rule of exactly this pattern.
    pub(crate) fn get(&self, pattern: &Pattern) -> Option<&R> {
        Some(&self.rules.get(pattern)?.rule)
    }

    /// The rule of a topic.
    #[inline]
    pub(crate) fn of_topic(&self, topic: &str) -> Option<&R> {
        if self.rules.is_empty() {
            return None;
        }
        self.find(topic)
    }

    fn find(&self, topic: &str) -> Option<&R> {
        let rule = self.rules.best_match(topic, |rule| rule.specificity)?;
        Some(&rule.rule)
    }

    /// All rules, the most specific first.
    pub(crate) fn sorted(&self) -> Vec<&PatternRule<R>> {
        let mut rules: Vec<_> = self.rules.values();
        rules.sort_unstable_by(|one, other| {
            let by_specificity = other.specificity.cmp(&one.specificity);
            by_specificity.then(one.number.cmp(&other.number))
        });
        rules.into_iter().map(|rule| &**rule).collect()
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(segments: &[&str]) -> Pattern {
        Pattern::new(&segments.join(".")).expect("the pattern is valid")
    }

    proptest! {
        /// T1, T2: as a search through all rules, the most specific first.
        #[test]
        fn the_most_specific_pattern_of_a_topic_decides(
            changes in prop::collection::vec(
                (prop::collection::vec(prop::sample::select(&["a", "b", "*", "**"][..]), 1..4), 0..3_u8, any::<bool>()),
                0..40,
            ),
            topics in prop::collection::vec(
                prop::collection::vec(prop::sample::select(&["a", "b", "c"][..]), 1..4),
                1..20,
            ),
        ) {
            let mut rules = PatternRules::<u8>::default();
            let mut oracle: Vec<(Pattern, u8)> = Vec::new();
            for (segments, rule, is_added) in &changes {
                let pattern = pattern(segments);
                let before = rules.clone();
                if *is_added {
                    let added = rules.add(&pattern, *rule, |other| other == rule);
                    let contradicts = |(other, other_rule): &&(Pattern, u8)| {
                        specificity(other) == specificity(&pattern)
                            && *other != pattern
                            && other_rule != rule
                            && overlap(other, &pattern)
                    };
                    let first = oracle.iter().find(contradicts).map(|(other, _)| other.clone());
                    prop_assert_eq!(added.map_err(|other| other.pattern.clone()).err(), first.clone());
                    prop_assert_eq!(before.is_same(&rules), first.is_some());
                    if first.is_none() {
                        oracle.retain(|(other, _)| *other != pattern);
                        oracle.push((pattern, *rule));
                    }
                } else {
                    let length = oracle.len();
                    oracle.retain(|(other, _)| *other != pattern);
                    prop_assert_eq!(rules.remove(&pattern), oracle.len() < length);
                }
            }
            let listed = rules.sorted().into_iter().map(|rule| (rule.pattern.clone(), rule.rule));
            // A stable sort: what was added first comes first among those that are equally specific.
            oracle.sort_by_key(|(pattern, _)| std::cmp::Reverse(specificity(pattern)));
            prop_assert_eq!(listed.collect::<Vec<_>>(), oracle.clone());
            for topic in topics {
                let topic = topic.join(".");
                let wanted = oracle.iter().find(|(pattern, _)| pattern.matches(&topic));
                prop_assert_eq!(rules.of_topic(&topic), wanted.map(|(_, rule)| rule), "{}", topic);
            }
            for (pattern, rule) in &oracle {
                prop_assert_eq!(rules.get(pattern), Some(rule));
            }
            rules.retain(|rule| *rule > 0);
            oracle.retain(|(_, rule)| *rule > 0);
            prop_assert_eq!(rules.sorted().len(), oracle.len());
        }
    }
}
