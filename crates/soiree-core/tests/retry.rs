//! Delays of retries, compared with what their policy says.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use soiree_core::registry::Registration;
use soiree_core::{
    BoxError, Event, Jitter, ListenerError, ListenerId, ListenerOptions, Pattern, Permanent, Retry,
    RetryAfter,
};

/// The error of a listener.
fn failed(error: impl Into<BoxError>) -> ListenerError {
    let (pattern, id) = (Pattern::new("a").unwrap(), ListenerId::new("id"));
    let listener = Arc::new(|_: &dyn Event| ());
    let registration = Registration::new(&pattern, id, ListenerOptions::new(), listener).unwrap();
    registration.failed("a", error.into())
}

fn jitters() -> impl Strategy<Value = Jitter> {
    prop::sample::select(vec![Jitter::Full, Jitter::Equal, Jitter::None])
}

fn delays() -> impl Strategy<Value = Duration> {
    let some = (any::<u64>(), 0..1_000_000_000u32).prop_map(|(s, n)| Duration::new(s, n));
    let short = any::<u32>().prop_map(|nanos| Duration::from_nanos(nanos.into()));
    let ends = prop::sample::select(vec![Duration::ZERO, Duration::from_nanos(1), Duration::MAX]);
    prop_oneof![short, some, ends]
}

proptest! {
    /// W4: jitter stays within its policy, whatever the delays are, and a delay is never above the longest one.
    #[test]
    fn jitter_stays_within_its_policy(
        first in delays(),
        more in delays(),
        attempts in 1..=Retry::MAX_ATTEMPTS,
        failed_attempt in 1..64u32,
        jitter in jitters(),
        exponential: bool,
    ) {
        let longest = first.saturating_add(more);
        let retry = match exponential {
            true => Retry::exponential(first, attempts),
            false => Retry::fixed(first, attempts),
        };
        let retry = retry.max_delay(longest).jitter(jitter);
        let error = failed("no");
        let base = retry.delay(failed_attempt);
        let delay = retry.next_delay(failed_attempt, &error);
        prop_assert_eq!(base.is_some(), failed_attempt < attempts);
        prop_assert_eq!(delay.is_some(), base.is_some());
        let (Some(base), Some(delay)) = (base, delay) else {
            return Ok(());
        };
        prop_assert!(base <= longest && delay <= base);
        match jitter {
            Jitter::None => prop_assert_eq!(delay, base),
            Jitter::Equal => prop_assert!(delay >= base / 2),
            _ => {}
        }
    }

    /// W4: a hint is kept to the longest delay, and changes neither the number of attempts nor what is permanent or turned down.
    #[test]
    fn a_hint_stays_within_the_longest_delay(
        hint in delays(),
        longest in delays(),
        failed_attempt in 1..6u32,
        jitter in jitters(),
    ) {
        let retry = Retry::exponential(Duration::ZERO, 4).max_delay(longest).jitter(jitter);
        let error = failed(RetryAfter(hint, "busy"));
        let expected = (failed_attempt < 4).then(|| hint.min(longest));
        prop_assert_eq!(retry.next_delay(failed_attempt, &error), expected);
        let permanent = failed(Permanent(RetryAfter(hint, "busy")));
        prop_assert_eq!(retry.next_delay(failed_attempt, &permanent), None);
        let turned_down = retry.when(|_| false);
        prop_assert_eq!(turned_down.next_delay(failed_attempt, &error), None);
    }
}

/// W4: jitter uses its whole range: both halves of it, in few draws, and seldom the same delay twice.
#[test]
fn jitter_uses_its_whole_range() {
    const DRAWS: usize = 200;
    let hour = Duration::from_secs(3600);
    for (jitter, least) in [(Jitter::Full, Duration::ZERO), (Jitter::Equal, hour / 2)] {
        let retry = Retry::fixed(hour, 2).jitter(jitter);
        let drawn: Vec<_> = (0..DRAWS).flat_map(|_| retry.jittered_delay(1)).collect();
        let middle = least + (hour - least) / 2;
        assert!(drawn.iter().any(|delay| *delay < middle), "{drawn:?}");
        assert!(drawn.iter().any(|delay| *delay > middle), "{drawn:?}");
        let distinct: std::collections::HashSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), DRAWS, "{drawn:?}");
    }
}

/// W4: policies are equal if their values are and they have the same predicate. Copies of one have the same.
#[test]
fn policies_are_compared_with_their_predicates() {
    let retry = Retry::fixed(Duration::ZERO, 2);
    assert_eq!(retry, retry.clone());
    assert_ne!(retry, retry.clone().jitter(Jitter::Full));
    let with_predicate = retry.clone().when(|_| true);
    assert_ne!(retry, with_predicate);
    assert_eq!(with_predicate, with_predicate.clone());
    assert_ne!(with_predicate, retry.when(|_| true));
    let debug = format!("{with_predicate:?}");
    assert!(debug.contains("jitter: None, when: true"), "{debug}");
}
