//! Pools that stop, release or drop in a wrong way.

use super::caught;
use crate::faults::Fault;

caught! {
    /// P4
    a_pool_that_drops_queued_jobs_when_dropped_is_caught: DropsQueuedJobsWhenDropped => [
        p4_worker_check_works_after_the_pool_is_dropped,
        p4_worker_check_does_not_keep_the_pool_alive,
        dropping_the_pool_runs_accepted_jobs,
        dropping_the_pool_ends_its_threads,
        a_pool_may_be_dropped_on_its_own_worker,
    ];
    /// P4
    a_pool_that_waits_when_dropped_is_caught: WaitsWhenDropped => [
        p4_worker_check_works_after_the_pool_is_dropped,
        dropping_the_pool_runs_accepted_jobs,
        dropping_the_pool_does_not_block,
    ];
    /// P4
    a_pool_that_does_not_end_when_dropped_is_caught: DoesNotEndWhenDropped => [
        p4_worker_check_does_not_keep_the_pool_alive,
        dropping_the_pool_ends_its_threads,
    ];
    /// P5
    a_pool_that_runs_queued_jobs_after_a_stop_is_caught: RunsQueuedJobsAfterAStop => [
        p5_stop_drops_queued_jobs,
        p5_stop_counts_dropped_jobs_as_discarded,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        p5_a_stop_ends_a_release_in_progress,
        p5_submit_and_wait_returns_when_its_job_is_dropped,
        stop_and_take_jobs_returns_or_drops_each_queued_job,
        stop_discards_requeued_work,
    ];
    /// P5
    a_pool_that_waits_in_a_stop_is_caught: WaitsInAStop => [
        p5_stop_drops_queued_jobs,
        p5_stop_counts_dropped_jobs_as_discarded,
        p5_stop_lets_running_jobs_finish,
        p5_a_stop_ends_a_release_in_progress,
        p5_blocked_submitters_wake_when_the_pool_stops,
        p5_submit_and_wait_returns_when_its_job_is_dropped,
        a_job_dropped_by_a_stop_may_call_its_pool,
        stop_and_take_jobs_returns_or_drops_each_queued_job,
        stop_discards_requeued_work,
    ];
    /// P5
    a_pool_that_counts_dropped_jobs_as_successful_is_caught: CountsDroppedJobsAsSuccessful => [
        p5_stop_counts_dropped_jobs_as_discarded,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        stop_and_take_jobs_returns_or_drops_each_queued_job,
        stop_discards_requeued_work,
    ];
    /// P5
    a_pool_that_does_not_wait_in_a_release_is_caught: DoesNotWaitInARelease => [
        p5_release_returns_after_all_jobs_have_ended,
        p5_a_release_past_its_deadline_reports_running_jobs,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        p5_jobs_are_rejected_after_a_release_past_its_deadline,
        stop_and_wait_for_reports_running_jobs,
        a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool,
        stop_and_wait_for_runs_queued_jobs,
    ] or [
        stop_and_wait_for_returns_after_running_jobs_have_ended,
        p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker,
        release_runs_requeued_work,
    ];
    /// P5
    a_pool_that_ignores_the_deadline_of_a_release_is_caught: IgnoresTheDeadlineOfARelease => [
        p5_a_release_past_its_deadline_reports_running_jobs,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        p5_jobs_are_rejected_after_a_release_past_its_deadline,
        stop_and_wait_for_reports_running_jobs,
        a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool,
    ];
    /// P5
    a_pool_that_reports_every_release_as_timed_out_is_caught: ReportsEveryReleaseAsTimedOut => [
        p5_a_release_past_its_deadline_reports_running_jobs,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        p5_a_release_before_its_deadline_returns_ok,
        stop_and_wait_for_returns_after_running_jobs_have_ended,
        stop_and_wait_for_reports_running_jobs,
        stop_and_wait_for_runs_queued_jobs,
    ];
    /// P5
    a_pool_that_reports_every_release_as_complete_is_caught: ReportsEveryReleaseAsComplete => [
        p5_a_release_past_its_deadline_reports_running_jobs,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        p5_jobs_are_rejected_after_a_release_past_its_deadline,
        stop_and_wait_for_reports_running_jobs,
        a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool,
    ];
    /// P5
    a_pool_that_shows_workers_that_have_ended_is_caught: ShowsWorkersThatHaveEnded => [
        p5_workers_end_after_a_release,
        p5_workers_end_after_a_stop,
        p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker,
    ];
    /// P5
    a_pool_that_hangs_in_a_second_stop_is_caught: HangsInASecondStop => [
        p5_stop_and_release_can_be_repeated_from_any_thread,
        p5_a_job_may_stop_its_own_pool,
    ];
    /// P5
    a_pool_that_ignores_a_stop_during_a_release_is_caught: IgnoresAStopDuringARelease => [
        p5_a_stop_ends_a_release_in_progress,
    ];
    /// P5
    a_pool_that_waits_for_the_job_that_stops_is_caught: WaitsForTheJobThatStops => [
        p5_a_job_may_stop_its_own_pool,
    ];
    /// P5
    a_pool_that_waits_for_itself_in_a_release_is_caught: WaitsForItselfInARelease => [
        p5_jobs_may_release_their_own_pool,
        p5_concurrent_releases_all_return,
    ];
    /// P5
    a_pool_that_accepts_after_a_stop_is_caught: AcceptsAfterAStop => [
        p5_jobs_are_rejected_after_a_stop,
        p5_jobs_are_rejected_after_a_release_past_its_deadline,
        p5_blocked_submitters_wake_when_the_pool_stops,
        stop_and_take_jobs_returns_or_drops_each_queued_job,
    ];
    /// P5
    a_pool_that_accepts_after_a_release_is_caught: AcceptsAfterARelease => [
        p5_jobs_are_rejected_after_a_release,
        p5_blocked_submitters_wake_when_the_pool_is_released,
        p5_a_job_cannot_submit_to_its_pool_during_a_release,
    ];
    /// P5
    a_pool_that_does_not_wake_submitters_at_a_stop_is_caught: DoesNotWakeSubmittersAtAStop => [
        p5_blocked_submitters_wake_when_the_pool_stops,
    ];
    /// P5
    a_pool_that_does_not_wake_submitters_at_a_release_is_caught: DoesNotWakeSubmittersAtARelease => [
        p5_blocked_submitters_wake_when_the_pool_is_released,
    ];
    /// P5
    a_pool_that_accepts_from_its_workers_during_a_release_is_caught: AcceptsFromItsWorkersDuringARelease => [
        p5_a_job_cannot_submit_to_its_pool_during_a_release,
    ];
    a_pool_that_does_not_wait_for_a_stop_is_caught: DoesNotWaitForAStop => [
        stop_and_wait_for_returns_after_running_jobs_have_ended,
        stop_and_wait_for_reports_running_jobs,
        stop_and_wait_for_runs_queued_jobs,
    ];
    a_pool_that_waits_for_itself_when_dropped_is_caught: WaitsForItselfWhenDropped => [
        a_pool_may_be_dropped_on_its_own_worker,
    ];
    a_pool_that_waits_for_running_jobs_in_a_resize_is_caught: WaitsForRunningJobsInAResize => [
        resize_up_starts_queued_jobs,
        resize_up_unblocks_submitters,
        resize_down_starts_no_job_above_the_new_limit,
        resize_down_and_up_again_loses_no_job,
        a_job_may_call_its_pool,
        a_job_that_ran_may_call_its_pool_when_dropped,
        a_job_dropped_by_a_stop_may_call_its_pool,
        a_job_dropped_past_its_deadline_may_call_its_pool,
        a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool,
        resize_up_gives_places_to_tasks,
    ];
    a_pool_that_holds_its_lock_while_dropping_jobs_is_caught: HoldsItsLockWhileDroppingJobs => [
        a_job_dropped_by_a_stop_may_call_its_pool,
        a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool,
    ];
}
