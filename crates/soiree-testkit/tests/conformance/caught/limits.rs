//! Pools that do not keep to their limits.

use super::caught;
use crate::faults::Fault;

caught! {
    /// P2
    a_pool_that_exceeds_the_limit_by_one_under_load_is_caught: ExceedsTheLimitByOneUnderLoad => [
        p2_no_more_jobs_run_at_once_than_there_may_be_workers,
        resize_down_lets_no_job_start_above_the_new_limit,
    ];
    /// P2
    a_pool_that_never_has_more_than_three_workers_is_caught: NeverHasMoreThanThreeWorkers => [
        p2_as_many_jobs_run_at_once_as_there_may_be_workers,
    ];
    /// P2
    a_pool_that_has_a_queue_that_is_one_longer_is_caught: HasAQueueThatIsOneLonger => [
        p2_no_more_jobs_wait_than_the_capacity,
        p2_drop_oldest_discards_exactly_the_oldest,
    ];
    /// P2
    a_pool_that_gives_a_wrong_reason_is_caught: GivesAWrongReason => [
        p2_the_refusal_of_a_full_queue_says_so,
        p2_reject_refuses_at_once,
    ];
    /// P2, P4, P5
    a_pool_that_refuses_instead_of_blocking_is_caught: RefusesInsteadOfBlocking => [
        p2_a_full_queue_holds_the_submitter_back,
        p2_with_capacity_0_a_submitter_waits_for_a_worker,
        p4_a_job_from_a_worker_of_a_full_pool_runs_inline,
        p4_past_the_stated_depth_a_job_comes_back,
        p5_blocked_submitters_wake_when_the_pool_stops,
        p5_blocked_submitters_wake_when_the_pool_is_released,
        resize_up_lets_blocked_submitters_in,
    ];
    /// P2
    a_pool_that_queues_with_capacity_0_is_caught: QueuesWithCapacity0 => [
        p2_a_queue_of_capacity_0_hands_jobs_over_directly,
        p2_with_capacity_0_a_submitter_waits_for_a_worker,
    ];
    /// P2
    a_pool_that_blocks_instead_of_refusing_is_caught: BlocksInsteadOfRefusing => [
        p2_reject_refuses_at_once,
    ];
    /// P2
    a_pool_that_says_full_when_the_time_is_over_is_caught: SaysFullWhenTheTimeIsOver => [
        p2_block_for_refuses_when_its_time_is_over,
    ];
    /// P2, P4
    a_pool_that_refuses_instead_of_running_on_the_caller_is_caught: RefusesInsteadOfRunningOnTheCaller => [
        p2_caller_runs_runs_the_job_on_the_caller,
        p4_a_caller_that_runs_jobs_goes_no_deeper_than_stated,
    ];
    /// P2
    a_pool_that_drops_the_newest_is_caught: DropsTheNewest => [
        p2_drop_oldest_discards_exactly_the_oldest,
    ];
    a_pool_that_does_not_resize_is_caught: DoesNotResize => [
        resize_shows_in_the_figures,
        resize_to_no_workers_is_refused,
        resize_to_more_than_can_be_meant_is_refused,
        resize_below_the_workers_that_stay_is_refused,
        resize_up_starts_what_waits,
        resize_up_lets_blocked_submitters_in,
        resize_down_lets_no_job_start_above_the_new_limit,
        resize_down_lets_the_workers_above_the_limit_leave,
    ];
    a_pool_that_resizes_to_no_workers_is_caught: ResizesToNoWorkers => [
        resize_to_no_workers_is_refused,
    ];
    a_pool_that_resizes_to_anything_is_caught: ResizesToAnything => [
        resize_to_more_than_can_be_meant_is_refused,
    ];
    a_pool_that_resizes_below_the_minimum_is_caught: ResizesBelowTheMinimum => [
        resize_below_the_workers_that_stay_is_refused,
    ];
    a_pool_that_starts_nothing_as_it_grows_is_caught: StartsNothingAsItGrows => [
        resize_up_starts_what_waits,
        resize_up_lets_blocked_submitters_in,
    ];
    a_pool_that_keeps_workers_above_the_limit_is_caught: KeepsWorkersAboveTheLimit => [
        resize_down_lets_no_job_start_above_the_new_limit,
        resize_down_lets_the_workers_above_the_limit_leave,
    ];
    a_pool_that_lets_workers_above_the_limit_go_on_is_caught: LetsWorkersAboveTheLimitGoOn => [
        resize_down_lets_no_job_start_above_the_new_limit,
    ];
}
