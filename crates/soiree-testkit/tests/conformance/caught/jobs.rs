//! Pools that lose jobs, deadlock on themselves, ignore deadlines, or hang if a thread does not start.

use super::caught;
use crate::faults::Fault;

caught! {
    /// P3
    a_pool_that_loses_one_job_in_a_thousand_is_caught: LosesOneJobInAThousand => [
        p3_each_accepted_job_runs_exactly_once,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
    ];
    /// P3
    a_pool_that_loses_a_job_after_a_resize_is_caught: LosesAJobAfterAResize => [
        p3_each_job_runs_exactly_once_while_the_pool_is_resized,
    ];
    /// P3
    a_pool_that_loses_a_job_while_workers_start_and_leave_is_caught: LosesAJobWhileWorkersStartAndLeave => [
        p3_each_job_runs_exactly_once_while_workers_start_and_leave,
    ];
    /// P3
    a_pool_that_loses_a_job_when_shrinking_is_caught: LosesAJobWhenShrinking => [
        resize_down_and_up_again_loses_no_job,
    ] or [
        p3_each_job_runs_exactly_once_while_the_pool_is_resized,
    ];
    /// P3, P7
    a_pool_that_leaves_without_checking_the_queue_is_caught: LeavesWithoutCheckingTheQueue => [
        p3_no_job_is_lost_while_the_last_worker_leaves,
    ] or [
        p7_min_workers_stay_when_idle,
        p3_each_job_runs_exactly_once_while_workers_start_and_leave,
        p8_no_job_is_lost_while_every_second_thread_does_not_start,
        p7_idle_workers_leave_after_the_idle_timeout,
    ];
    /// P3
    a_pool_that_relies_on_a_worker_that_has_a_job_coming_is_caught: ReliesOnAWorkerThatHasAJobComing => [
        p3_jobs_that_wait_for_each_other_run_if_max_workers_allows,
    ] or [
        p5_jobs_may_release_their_own_pool,
    ];
    /// P3, P5
    a_pool_that_leaks_queued_jobs_at_a_stop_is_caught: LeaksQueuedJobsAtAStop => [
        p3_jobs_that_race_a_stop_run_or_are_dropped_or_rejected,
        p5_stop_drops_queued_jobs,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        p5_a_stop_ends_a_release_in_progress,
        p5_submit_and_wait_returns_when_its_job_is_dropped,
        a_job_dropped_by_a_stop_may_call_its_pool,
        a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool,
        stop_and_take_jobs_returns_or_drops_each_queued_job,
        stop_discards_requeued_work,
    ];
    /// P3, P5
    a_pool_that_drops_queued_jobs_in_a_release_is_caught: DropsQueuedJobsInARelease => [
        p3_jobs_that_race_a_release_run_or_are_rejected,
        p5_release_runs_queued_jobs,
        p5_a_release_past_its_deadline_drops_queued_jobs,
        release_runs_requeued_work,
        stop_and_wait_for_runs_queued_jobs,
    ];
    /// P3, P8
    a_pool_that_returns_another_job_is_caught: ReturnsAnotherJob => [
        p3_a_closed_pool_returns_the_rejected_job,
        p3_a_full_pool_returns_the_rejected_job,
        p8_no_job_hangs_if_no_thread_starts,
        a_closed_pool_rejects_requeued_work,
        requeued_work_is_not_overtaken,
        p5_a_closed_pool_keeps_no_places,
    ];
    /// P3
    a_pool_that_drops_panic_payloads_outside_catch_unwind_is_caught: DropsPanicPayloadsOutsideCatchUnwind => [
        p3_a_panic_payload_that_panics_on_drop_ends_no_worker,
    ];
    /// P4
    a_pool_that_blocks_its_own_workers_is_caught: BlocksItsOwnWorkers => [
        p4_submit_from_a_worker_of_a_full_pool_runs_the_job_inline,
        p4_inline_jobs_beyond_the_recursion_limit_are_rejected,
    ];
    /// P4
    a_pool_that_has_no_recursion_limit_is_caught: HasNoRecursionLimit => [
        p4_inline_jobs_beyond_the_recursion_limit_are_rejected,
        p4_caller_runs_beyond_the_recursion_limit_is_rejected,
    ];
    /// P4, P5
    a_pool_that_does_not_wait_for_a_job_is_caught: DoesNotWaitForAJob => [
        p4_submit_and_wait_on_a_worker_runs_the_job_inline,
        p5_submit_and_wait_returns_when_its_job_is_dropped,
        submit_and_wait_returns_after_the_job_has_ended,
        submit_and_wait_reports_a_panic,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
    ] or [
        p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker,
    ];
    /// P4
    a_pool_that_queues_inline_jobs_is_caught: QueuesInlineJobs => [
        p4_submit_and_wait_on_a_worker_runs_the_job_inline,
        p4_submit_all_and_wait_on_a_worker_runs_the_jobs_inline_in_order,
        run_inline_runs_the_job_on_the_caller,
        run_inline_returns_the_outcome,
    ];
    /// P4
    a_pool_that_is_never_on_worker_is_caught: IsNeverOnWorker => [
        p4_submit_and_wait_on_a_worker_runs_the_job_inline,
        p4_submit_all_and_wait_on_a_worker_runs_the_jobs_inline_in_order,
        p4_on_worker_is_true_inside_a_job,
        p4_a_job_that_waits_for_a_future_of_its_pool_returns,
        wait_idle_on_a_worker_returns_false,
    ];
    /// P4
    a_pool_that_does_not_wait_for_all_jobs_is_caught: DoesNotWaitForAllJobs => [
        p4_submit_all_and_wait_on_a_worker_runs_the_jobs_inline_in_order,
        submit_all_and_wait_returns_after_all_jobs_have_ended,
        submit_all_and_wait_returns_the_first_error,
        p1_a_job_is_counted_before_a_wait_for_it_returns,
    ];
    /// P4, P5
    a_pool_that_is_always_on_worker_is_caught: IsAlwaysOnWorker => [
        p4_on_worker_is_false_elsewhere,
        p5_submit_and_wait_returns_when_its_job_is_dropped,
        wait_idle_returns_after_the_last_job_has_ended,
    ];
    /// P4
    a_pool_that_has_a_worker_check_that_is_always_true_is_caught: HasAWorkerCheckThatIsAlwaysTrue => [
        p4_worker_check_agrees_with_on_worker,
        p4_worker_check_does_not_keep_the_pool_alive,
    ];
    /// P4
    a_pool_that_has_no_worker_check_is_caught: HasNoWorkerCheck => [
        p4_worker_check_agrees_with_on_worker,
        p4_worker_check_works_after_the_pool_is_dropped,
        p4_worker_check_does_not_keep_the_pool_alive,
    ];
    /// P4
    a_pool_that_forgets_its_workers_when_dropped_is_caught: ForgetsItsWorkersWhenDropped => [
        p4_worker_check_works_after_the_pool_is_dropped,
    ];
    /// P4
    a_pool_that_keeps_the_pool_alive_in_the_worker_check_is_caught: KeepsThePoolAliveInTheWorkerCheck => [
        p4_worker_check_does_not_keep_the_pool_alive,
    ];
    /// P6
    a_pool_that_treats_every_deadline_as_passed_is_caught: TreatsEveryDeadlineAsPassed => [
        p6_a_job_that_starts_before_its_deadline_runs,
        submit_before_submits_the_job,
    ];
    /// P6
    a_pool_that_runs_expired_jobs_is_caught: RunsExpiredJobs => [
        p6_a_job_past_its_deadline_is_dropped,
        p6_a_job_past_its_deadline_is_counted_as_expired,
    ];
    /// P6
    a_pool_that_counts_expired_jobs_as_successful_is_caught: CountsExpiredJobsAsSuccessful => [
        p6_a_job_past_its_deadline_is_counted_as_expired,
    ];
    /// P7
    a_pool_that_keeps_idle_workers_is_caught: KeepsIdleWorkers => [
        p7_idle_workers_leave_after_the_idle_timeout,
        p7_min_workers_stay_when_idle,
    ];
    /// P7
    a_pool_that_keeps_no_idle_workers_is_caught: KeepsNoIdleWorkers => [
        p7_min_workers_stay_when_idle,
    ];
    /// P7
    a_pool_that_busy_waits_when_idle_is_caught: BusyWaitsWhenIdle => [
        p7_an_idle_pool_uses_no_cpu,
    ];
    /// P7
    a_pool_that_polls_when_idle_is_caught: PollsWhenIdle => [
        p7_an_idle_pool_uses_no_cpu,
    ];
    /// P8
    a_pool_that_counts_a_failed_thread_as_a_worker_is_caught: CountsAFailedThreadAsAWorker => [
        p8_no_job_hangs_if_no_thread_starts,
        p8_no_job_is_lost_while_every_second_thread_does_not_start,
        p8_a_job_queued_for_a_thread_that_does_not_start_is_not_lost,
        p8_a_pool_without_threads_can_be_released,
        p8_no_task_hangs_if_no_thread_starts,
    ];
    /// P8
    a_pool_that_rejects_when_a_later_thread_fails_is_caught: RejectsWhenALaterThreadFails => [
        p8_one_worker_runs_all_jobs_if_later_threads_do_not_start,
    ];
    /// P8
    a_pool_that_loses_jobs_when_a_thread_fails_is_caught: LosesJobsWhenAThreadFails => [
        p8_a_job_queued_for_a_thread_that_does_not_start_is_not_lost,
    ] or [
        p8_a_thread_that_ends_before_it_is_a_worker_is_not_counted,
        p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker,
    ];
    a_pool_that_stops_at_the_first_error_is_caught: StopsAtTheFirstError => [
        submit_all_and_wait_returns_the_first_error,
    ];
    a_pool_that_hides_inline_panics_is_caught: HidesInlinePanics => [
        run_inline_returns_the_outcome,
    ];
    a_pool_that_does_not_count_inline_jobs_is_caught: DoesNotCountInlineJobs => [
        run_inline_counts_the_job,
    ];
}
