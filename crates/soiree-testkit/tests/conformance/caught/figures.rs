//! Pools whose figures are wrong.

use super::caught;
use crate::faults::Fault;

caught! {
    /// P1
    a_pool_that_counts_one_job_twice_is_caught: CountsOneJobTwice => [
        p1_the_figures_balance_at_every_moment,
        p1_no_figure_reads_above_the_truth,
    ];
    /// P1, P3
    a_pool_that_loses_a_worker_to_each_panic_is_caught: LosesAWorkerToEachPanic => [
        p1_the_figures_balance_at_every_moment,
        p1_what_has_ended_stays_ended,
        p1_at_rest_nothing_waits_and_nothing_is_active,
        p1_a_panic_is_counted_as_failed,
        p3_the_jobs_after_a_panic_still_run,
        p3_a_panic_payload_that_panics_when_dropped_ends_no_worker,
        submit_all_and_wait_returns_the_first_error,
        running_agrees_with_the_figures,
        idle_workers_agrees_with_the_figures,
        submitted_tasks_agrees_with_the_figures,
        waiting_tasks_agrees_with_the_figures,
        successful_tasks_agrees_with_the_figures,
        failed_tasks_agrees_with_the_figures,
        completed_tasks_agrees_with_the_figures,
    ];
    /// P1
    a_pool_that_shows_an_ended_job_as_active_again_is_caught: ShowsAnEndedJobAsActiveAgain => [
        p1_what_has_ended_stays_ended,
    ] or [
        p2_no_more_jobs_run_at_once_than_there_may_be_workers,
        resize_down_lets_no_job_start_above_the_new_limit,
    ];
    /// P1, P5, P6
    a_pool_that_counts_successes_as_expired_is_caught: CountsSuccessesAsExpired => [
        p1_no_figure_reads_above_the_truth,
        p1_a_job_that_ends_is_counted_as_successful,
        p5_what_stop_drops_is_counted_as_discarded,
        p6_a_job_past_its_deadline_is_counted_as_expired,
        submit_before_hands_the_job_over,
        run_inline_counts_the_job,
        submit_now_hands_the_job_over,
    ];
    /// P1
    a_pool_that_shows_jobs_that_nobody_submitted_is_caught: ShowsJobsThatNobodySubmitted => [
        p1_no_figure_reads_above_the_truth,
    ];
    /// P1
    a_pool_that_shows_a_job_that_does_not_end_is_caught: ShowsAJobThatDoesNotEnd => [
        p1_at_rest_nothing_waits_and_nothing_is_active,
    ] or [
        p1_no_figure_reads_above_the_truth,
    ];
    /// P1
    a_pool_that_shows_the_third_active_job_as_waiting_is_caught: ShowsTheThirdActiveJobAsWaiting => [
        p1_active_is_exact_while_jobs_are_held,
    ];
    /// P1
    a_pool_that_shows_waiting_jobs_as_active_is_caught: ShowsWaitingJobsAsActive => [
        p1_waiting_is_exact_behind_held_jobs,
    ];
    /// P1, P7
    a_pool_that_shows_one_worker_too_few_is_caught: ShowsOneWorkerTooFew => [
        p1_running_counts_the_workers_that_live,
        p1_idle_counts_the_workers_without_a_job,
        p7_the_least_number_of_workers_stays,
    ];
    /// P1, P2, P5, P7
    a_pool_that_shows_one_worker_too_many_is_caught: ShowsOneWorkerTooMany => [
        p1_running_counts_the_workers_that_live,
        p1_idle_counts_the_workers_without_a_job,
        p2_no_more_workers_live_than_may,
        p5_the_workers_end_after_a_release,
        p5_the_workers_end_after_a_stop,
        p7_idle_workers_leave,
        p7_the_least_number_of_workers_stays,
        resize_down_lets_the_workers_above_the_limit_leave,
    ];
    /// P1
    a_pool_that_shows_all_workers_as_idle_is_caught: ShowsAllWorkersAsIdle => [
        p1_idle_counts_the_workers_without_a_job,
    ];
    /// P1
    a_pool_that_counts_panics_as_successes_is_caught: CountsPanicsAsSuccesses => [
        p1_a_panic_is_counted_as_failed,
    ];
    /// P1
    a_pool_that_counts_refused_jobs_as_submitted_is_caught: CountsRefusedJobsAsSubmitted => [
        p1_a_job_refused_by_a_closed_pool_is_counted_as_rejected_alone,
        p1_a_job_refused_by_a_full_pool_is_counted_as_rejected_alone,
    ];
    /// P1, P8
    a_pool_that_does_not_count_refused_jobs_is_caught: DoesNotCountRefusedJobs => [
        p1_a_job_refused_by_a_closed_pool_is_counted_as_rejected_alone,
        p1_a_job_refused_by_a_full_pool_is_counted_as_rejected_alone,
        p8_without_a_single_thread_no_job_hangs,
    ];
    /// P1, P2, P3, P4, P5
    a_pool_that_waits_in_try_submit_is_caught: WaitsInTrySubmit => [
        p1_a_job_refused_by_a_full_pool_is_counted_as_rejected_alone,
        p2_no_more_jobs_wait_than_the_capacity,
        p2_the_refusal_of_a_full_queue_says_so,
        p2_a_full_queue_holds_the_submitter_back,
        p2_a_queue_of_capacity_0_hands_jobs_over_directly,
        p2_caller_runs_runs_the_job_on_the_caller,
        p3_a_job_refused_by_a_full_pool_comes_back_usable,
        p4_a_job_from_a_worker_of_a_full_pool_runs_inline,
        p4_past_the_stated_depth_a_job_comes_back,
        p4_a_caller_that_runs_jobs_goes_no_deeper_than_stated,
        p5_blocked_submitters_wake_when_the_pool_stops,
        p5_blocked_submitters_wake_when_the_pool_is_released,
        try_submit_never_waits,
        submit_now_never_waits,
        resize_up_lets_blocked_submitters_in,
    ];
    /// P2
    a_pool_that_waits_in_submit_now_is_caught: WaitsInSubmitNow => [
        submit_now_never_waits,
    ];
    /// P3
    a_pool_that_loses_what_it_submits_now_is_caught: LosesWhatItSubmitsNow => [
        submit_now_hands_the_job_over,
        submit_now_never_waits,
    ];
    /// P1
    a_pool_that_shows_no_maximum_is_caught: ShowsNoMaximum => [
        p1_the_limits_are_told,
        resize_shows_in_the_figures,
        resize_to_no_workers_is_refused,
        resize_to_more_than_can_be_meant_is_refused,
        resize_below_the_workers_that_stay_is_refused,
    ];
    /// P1
    a_pool_that_shows_no_capacity_is_caught: ShowsNoCapacity => [
        p1_the_capacity_is_told,
    ];
    /// P1
    a_pool_that_shows_no_minimum_is_caught: ShowsNoMinimum => [
        p1_the_least_number_of_workers_is_told,
    ];
    a_pool_that_lies_in_running_is_caught: LiesInRunning => [
        running_agrees_with_the_figures,
    ];
    a_pool_that_lies_in_idle_workers_is_caught: LiesInIdleWorkers => [
        idle_workers_agrees_with_the_figures,
    ];
    a_pool_that_lies_in_submitted_tasks_is_caught: LiesInSubmittedTasks => [
        submitted_tasks_agrees_with_the_figures,
    ];
    a_pool_that_lies_in_waiting_tasks_is_caught: LiesInWaitingTasks => [
        waiting_tasks_agrees_with_the_figures,
    ];
    a_pool_that_lies_in_successful_tasks_is_caught: LiesInSuccessfulTasks => [
        successful_tasks_agrees_with_the_figures,
    ];
    a_pool_that_lies_in_failed_tasks_is_caught: LiesInFailedTasks => [
        failed_tasks_agrees_with_the_figures,
    ];
    a_pool_that_lies_in_completed_tasks_is_caught: LiesInCompletedTasks => [
        completed_tasks_agrees_with_the_figures,
    ];
}
