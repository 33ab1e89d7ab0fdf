//! Pools that exceed their limits, or do the wrong thing when full.

use super::caught;
use crate::faults::Fault;

caught! {
    /// P2
    a_pool_that_exceeds_max_workers_by_one_under_load_is_caught: ExceedsMaxWorkersByOneUnderLoad => [
        p2_no_more_than_max_workers_jobs_run_at_once,
        resize_down_starts_no_job_above_the_new_limit,
    ];
    /// P2
    a_pool_that_never_has_more_than_three_workers_is_caught: NeverHasMoreThanThreeWorkers => [
        p2_max_workers_jobs_can_run_at_once,
        resize_accepts_no_more_workers_than_can_run,
    ];
    /// P2
    a_pool_that_queues_one_job_too_many_is_caught: QueuesOneJobTooMany => [
        p2_no_more_jobs_wait_than_the_capacity,
        p2_overflow_drop_oldest_discards_only_the_oldest_job,
        requeued_work_waits_for_a_place_in_a_full_queue,
        stop_discards_requeued_work,
        p2_a_reserved_place_counts_as_one,
        p2_a_reserved_place_that_is_dropped_is_free_again,
        p2_a_task_keeps_the_place_that_it_waited_for,
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
        p5_tasks_that_wait_wake_when_the_pool_closes,
        reserve_never_blocks,
        resize_up_gives_places_to_tasks,
        the_waker_of_a_task_may_call_its_pool,
        try_reserve_never_blocks,
    ];
    /// P2
    a_pool_that_rejects_with_a_wrong_reason_is_caught: RejectsWithAWrongReason => [
        p2_a_full_queue_rejects_with_the_reason_full,
        p2_overflow_reject_rejects_at_once,
        p2_a_reserved_place_counts_as_one,
        p2_a_task_keeps_the_place_that_it_waited_for,
        p2_with_capacity_0_a_task_waits_for_a_worker,
        try_reserve_keeps_no_place_without_a_queue,
        try_reserve_never_blocks,
    ];
    /// P2, P4, P5
    a_pool_that_rejects_instead_of_blocking_is_caught: RejectsInsteadOfBlocking => [
        p2_submit_to_a_full_queue_blocks,
        p2_with_capacity_0_submit_blocks_until_a_worker_is_free,
        p4_submit_from_a_worker_of_a_full_pool_runs_the_job_inline,
        p4_inline_jobs_beyond_the_recursion_limit_are_rejected,
        p5_blocked_submitters_wake_when_the_pool_stops,
        p5_blocked_submitters_wake_when_the_pool_is_released,
        resize_up_unblocks_submitters,
        p2_blocked_submitters_get_places_in_the_order_in_which_they_came,
        requeued_work_and_blocked_submitters_get_places_in_order,
        p2_a_task_keeps_the_place_that_it_waited_for,
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
        p2_with_capacity_0_a_task_waits_for_a_worker,
        p3_tasks_that_race_others_lose_no_job_and_no_place,
        p5_tasks_that_wait_wake_when_the_pool_closes,
        reserve_never_blocks,
        resize_up_gives_places_to_tasks,
        the_waker_of_a_task_may_call_its_pool,
    ];
    /// P2
    a_pool_that_queues_with_capacity_0_is_caught: QueuesWithCapacity0 => [
        p2_with_capacity_0_a_job_goes_directly_to_a_worker,
        p2_with_capacity_0_submit_blocks_until_a_worker_is_free,
        p2_with_capacity_0_a_task_waits_for_a_worker,
        try_reserve_keeps_no_place_without_a_queue,
    ];
    /// P2
    a_pool_that_blocks_instead_of_rejecting_is_caught: BlocksInsteadOfRejecting => [
        p2_overflow_reject_rejects_at_once,
    ];
    /// P2
    a_pool_that_reports_full_instead_of_timed_out_is_caught: ReportsFullInsteadOfTimedOut => [
        p2_overflow_block_for_rejects_after_its_timeout,
    ];
    /// P2, P4
    a_pool_that_rejects_instead_of_running_on_the_caller_is_caught: RejectsInsteadOfRunningOnTheCaller => [
        p2_overflow_caller_runs_runs_the_job_on_the_caller,
        p4_caller_runs_beyond_the_recursion_limit_is_rejected,
    ];
    /// P2
    a_pool_that_drops_the_newest_job_is_caught: DropsTheNewestJob => [
        p2_overflow_drop_oldest_discards_only_the_oldest_job,
        requeued_work_gets_the_place_of_a_job_that_is_replaced,
    ];
    a_pool_that_does_not_resize_is_caught: DoesNotResize => [
        resize_shows_in_stats,
        resize_to_0_workers_is_rejected,
        resize_above_the_maximum_is_rejected,
        resize_below_min_workers_is_rejected,
        resize_up_starts_queued_jobs,
        resize_up_unblocks_submitters,
        resize_down_starts_no_job_above_the_new_limit,
        resize_down_ends_workers_above_the_new_limit,
        resize_accepts_no_more_workers_than_can_run,
        resize_up_gives_places_to_tasks,
    ];
    a_pool_that_resizes_to_no_workers_is_caught: ResizesToNoWorkers => [
        resize_to_0_workers_is_rejected,
    ];
    a_pool_that_resizes_to_anything_is_caught: ResizesToAnything => [
        resize_above_the_maximum_is_rejected,
    ];
    a_pool_that_resizes_below_the_minimum_is_caught: ResizesBelowTheMinimum => [
        resize_below_min_workers_is_rejected,
    ];
    a_pool_that_starts_nothing_when_growing_is_caught: StartsNothingWhenGrowing => [
        resize_up_starts_queued_jobs,
        resize_up_unblocks_submitters,
        resize_up_gives_places_to_tasks,
    ];
    a_pool_that_keeps_workers_above_the_limit_is_caught: KeepsWorkersAboveTheLimit => [
        resize_down_starts_no_job_above_the_new_limit,
        resize_down_ends_workers_above_the_new_limit,
    ];
    a_pool_that_lets_workers_above_the_limit_continue_is_caught: LetsWorkersAboveTheLimitContinue => [
        resize_down_starts_no_job_above_the_new_limit,
    ];
}
