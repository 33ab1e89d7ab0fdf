//! Pools with wrong stats.

use super::caught;
use crate::faults::Fault;

caught! {
    /// P1
    a_pool_that_counts_one_job_twice_is_caught: CountsOneJobTwice => [
        p1_stats_balance_at_every_moment,
        p1_no_counter_exceeds_what_really_happened,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
        p3_tasks_that_race_others_lose_no_job_and_no_place,
    ];
    /// P1, P3
    a_pool_that_loses_a_worker_on_each_panic_is_caught: LosesAWorkerOnEachPanic => [
        p1_stats_balance_at_every_moment,
        p1_counters_of_ended_jobs_never_decrease,
        p1_an_idle_pool_shows_no_waiting_and_no_active_jobs,
        p1_a_job_that_panics_is_counted_as_failed,
        p3_jobs_after_a_panic_still_run,
        p3_a_panic_payload_that_panics_on_drop_ends_no_worker,
        submit_all_and_wait_returns_the_first_error,
        running_agrees_with_stats,
        idle_workers_agrees_with_stats,
        submitted_tasks_agrees_with_stats,
        waiting_tasks_agrees_with_stats,
        successful_tasks_agrees_with_stats,
        failed_tasks_agrees_with_stats,
        completed_tasks_agrees_with_stats,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
    ];
    /// P1
    a_pool_that_shows_an_ended_job_as_active_again_is_caught: ShowsAnEndedJobAsActiveAgain => [
        p1_counters_of_ended_jobs_never_decrease,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
    ] or [
        p2_no_more_than_max_workers_jobs_run_at_once,
        resize_down_starts_no_job_above_the_new_limit,
    ];
    /// P1, P5, P6
    a_pool_that_counts_successful_jobs_as_expired_is_caught: CountsSuccessfulJobsAsExpired => [
        p1_no_counter_exceeds_what_really_happened,
        p1_a_job_that_returns_is_counted_as_successful,
        p5_stop_counts_dropped_jobs_as_discarded,
        p6_a_job_past_its_deadline_is_counted_as_expired,
        submit_before_submits_the_job,
        run_inline_counts_the_job,
        submit_now_submits_the_job,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
        requeue_submits_the_job,
        run_queued_runs_the_job_on_the_caller_and_nowhere_else,
    ];
    /// P1
    a_pool_that_shows_jobs_that_nobody_submitted_is_caught: ShowsJobsThatNobodySubmitted => [
        p1_no_counter_exceeds_what_really_happened,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
        p3_tasks_that_race_others_lose_no_job_and_no_place,
    ];
    /// P1
    a_pool_that_shows_a_job_that_never_ends_is_caught: ShowsAJobThatNeverEnds => [
        p1_an_idle_pool_shows_no_waiting_and_no_active_jobs,
    ] or [
        p1_no_counter_exceeds_what_really_happened,
    ];
    /// P1
    a_pool_that_shows_the_third_active_job_as_waiting_is_caught: ShowsTheThirdActiveJobAsWaiting => [
        p1_active_counts_the_running_jobs_exactly,
    ];
    /// P1
    a_pool_that_shows_waiting_jobs_as_active_is_caught: ShowsWaitingJobsAsActive => [
        p1_waiting_counts_the_queued_jobs_exactly,
        p2_a_reserved_place_counts_as_one,
        p2_a_reserved_place_that_is_dropped_is_free_again,
    ];
    /// P1, P7
    a_pool_that_shows_one_worker_too_few_is_caught: ShowsOneWorkerTooFew => [
        p1_running_counts_the_live_workers,
        p1_idle_counts_the_workers_without_a_job,
        p7_min_workers_stay_when_idle,
        p8_a_thread_that_ends_before_it_is_a_worker_is_not_counted,
    ];
    /// P1, P2, P5, P7
    a_pool_that_shows_one_worker_too_many_is_caught: ShowsOneWorkerTooMany => [
        p1_running_counts_the_live_workers,
        p1_idle_counts_the_workers_without_a_job,
        p2_no_more_than_max_workers_live_at_once,
        p5_workers_end_after_a_release,
        p5_workers_end_after_a_stop,
        p7_idle_workers_leave_after_the_idle_timeout,
        p7_min_workers_stay_when_idle,
        resize_down_ends_workers_above_the_new_limit,
        p8_a_thread_that_ends_before_it_is_a_worker_is_not_counted,
        p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker,
    ];
    /// P1
    a_pool_that_shows_all_workers_as_idle_is_caught: ShowsAllWorkersAsIdle => [
        p1_idle_counts_the_workers_without_a_job,
    ];
    /// P1
    a_pool_that_counts_panics_as_successful_is_caught: CountsPanicsAsSuccessful => [
        p1_a_job_that_panics_is_counted_as_failed,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
    ];
    /// P1
    a_pool_that_counts_rejected_jobs_as_submitted_is_caught: CountsRejectedJobsAsSubmitted => [
        p1_a_job_rejected_by_a_closed_pool_is_counted_only_as_rejected,
        p1_a_job_rejected_by_a_full_pool_is_counted_only_as_rejected,
        requeued_work_waits_for_a_place_in_a_full_queue,
        stop_discards_requeued_work,
    ];
    /// P1, P8
    a_pool_that_does_not_count_rejected_jobs_is_caught: DoesNotCountRejectedJobs => [
        p1_a_job_rejected_by_a_closed_pool_is_counted_only_as_rejected,
        p1_a_job_rejected_by_a_full_pool_is_counted_only_as_rejected,
        p8_no_job_hangs_if_no_thread_starts,
    ];
    /// P1, P2, P3, P4, P5
    a_pool_that_waits_in_try_submit_is_caught: WaitsInTrySubmit => [
        p1_a_job_rejected_by_a_full_pool_is_counted_only_as_rejected,
        p2_no_more_jobs_wait_than_the_capacity,
        p2_a_full_queue_rejects_with_the_reason_full,
        p2_submit_to_a_full_queue_blocks,
        p2_with_capacity_0_a_job_goes_directly_to_a_worker,
        p2_overflow_caller_runs_runs_the_job_on_the_caller,
        p3_a_full_pool_returns_the_rejected_job,
        p4_submit_from_a_worker_of_a_full_pool_runs_the_job_inline,
        p4_inline_jobs_beyond_the_recursion_limit_are_rejected,
        p4_caller_runs_beyond_the_recursion_limit_is_rejected,
        p5_blocked_submitters_wake_when_the_pool_stops,
        p5_blocked_submitters_wake_when_the_pool_is_released,
        try_submit_never_blocks,
        submit_now_never_blocks,
        resize_up_unblocks_submitters,
        p2_blocked_submitters_get_places_in_the_order_in_which_they_came,
        release_runs_requeued_work,
        requeue_never_blocks,
        requeued_work_and_blocked_submitters_get_places_in_order,
        requeued_work_is_not_overtaken,
        requeued_work_waits_for_a_place_in_a_full_queue,
        run_queued_finds_requeued_work_without_a_place,
        stop_discards_requeued_work,
        p2_a_reserved_place_counts_as_one,
        p2_a_reserved_place_that_is_dropped_is_free_again,
        p2_a_task_keeps_the_place_that_it_waited_for,
        p2_with_capacity_0_a_task_waits_for_a_worker,
        the_waker_of_a_task_may_call_its_pool,
    ];
    /// P2
    a_pool_that_waits_in_submit_now_is_caught: WaitsInSubmitNow => [
        submit_now_never_blocks,
    ];
    /// P3
    a_pool_that_loses_jobs_in_submit_now_is_caught: LosesJobsInSubmitNow => [
        submit_now_submits_the_job,
        submit_now_never_blocks,
    ];
    /// P1
    a_pool_that_shows_no_maximum_is_caught: ShowsNoMaximum => [
        p1_stats_show_max_workers,
        resize_shows_in_stats,
        resize_to_0_workers_is_rejected,
        resize_above_the_maximum_is_rejected,
        resize_below_min_workers_is_rejected,
    ];
    /// P1
    a_pool_that_shows_no_capacity_is_caught: ShowsNoCapacity => [
        p1_stats_show_the_capacity,
    ];
    /// P1
    a_pool_that_shows_no_minimum_is_caught: ShowsNoMinimum => [
        p1_stats_show_min_workers,
    ];
    a_pool_that_overstates_running_is_caught: OverstatesRunning => [
        running_agrees_with_stats,
    ];
    a_pool_that_overstates_idle_workers_is_caught: OverstatesIdleWorkers => [
        idle_workers_agrees_with_stats,
    ];
    a_pool_that_overstates_submitted_tasks_is_caught: OverstatesSubmittedTasks => [
        submitted_tasks_agrees_with_stats,
    ];
    a_pool_that_overstates_waiting_tasks_is_caught: OverstatesWaitingTasks => [
        waiting_tasks_agrees_with_stats,
    ];
    a_pool_that_overstates_successful_tasks_is_caught: OverstatesSuccessfulTasks => [
        successful_tasks_agrees_with_stats,
    ];
    a_pool_that_overstates_failed_tasks_is_caught: OverstatesFailedTasks => [
        failed_tasks_agrees_with_stats,
    ];
    a_pool_that_overstates_completed_tasks_is_caught: OverstatesCompletedTasks => [
        completed_tasks_agrees_with_stats,
    ];
}
