//! What each promise means, and which methods keep it, for the author of a pool that breaks it.

/// An explanation of the promise with this number.
pub(super) fn explain(promise: &str) -> Option<&'static str> {
    Some(match promise {
        "P1" => {
            "P1 means: the statistics count each accepted job exactly once, at every moment: submitted == successful + failed + \
             expired + discarded + waiting + active. Rejected jobs are not submitted.\n\
             Where to look: `stats`, and where jobs are accepted, started and ended. Run jobs with `Job::run_for_pool`, and count \
             a job before you drop what that returns: it wakes the thread that waits for the job."
        }
        "P2" => {
            "P2 means: no more than `max_workers` jobs run at once and no more than `capacity` wait, and a full queue does what \
             the overflow policy says. What waits for a place gets it in the order in which it came: threads, \
             tasks and requeued work alike. A reserved place counts as one until it is used or dropped.\n\
             Where to look: `submit`, `try_submit`, `submit_now`, `requeue`, `try_reserve`, `reserve` and `resize`."
        }
        "P3" => {
            "P3 means: each accepted job runs exactly once or is dropped, and a rejected job comes back in the error, whatever \
             submits, stops, releases and resizes at the same time.\n\
             Where to look: the queue and the worker loop. `Job::run_for_pool` catches the panics of jobs."
        }
        "P4" => {
            "P4 means: a job may submit to its own pool, and wait for it, without a deadlock.\n\
             Where to look: override `on_worker` and `worker_check`, with a `WorkerContext` that each worker enters. Where `submit` \
             would block on a worker, run the job inline. Override `run_inline` to count such jobs and to limit their depth."
        }
        "P5" => {
            "P5 means: `stop` drops what is queued, `release` runs it first, and `release_with_deadline` runs it until the \
             deadline. Both reject new jobs and wake blocked submitters.\n\
             Where to look: `stop`, `release_with_deadline` and `Drop`. A release on a worker does not wait for that worker."
        }
        "P6" => {
            "P6 means: a job with a deadline runs if it starts in time. Otherwise it is dropped and counted as expired.\n\
             Where to look: `Job::run_for_pool` decides it. Count `JobOutcome::Expired` as `expired`."
        }
        "P7" => {
            "P7 means: idle workers above `min_workers` leave after the idle timeout, and a pool at rest uses no CPU.\n\
             Where to look: the worker loop. Wait on a condition variable or a channel, not in a loop that polls."
        }
        "P8" => {
            "P8 means: a thread that cannot be started, or that ends before it is a worker, leaves an error or a smaller pool, \
             never a hang.\n\
             Where to look: where threads are started. Jobs that were accepted for the thread have to run elsewhere, and the \
             thread must not count as a worker."
        }
        _ => return None,
    })
}

/// What to read for a case that tests no numbered promise.
pub(super) const METHOD: &str = "This is what the docs of `Pool`, or of the method that the sentence names, say. A method that \
    you have not overridden does it by means of the others.";
