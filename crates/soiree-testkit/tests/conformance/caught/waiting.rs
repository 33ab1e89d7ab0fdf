//! Pools that serve what waits in a wrong way, or lose it.

use super::caught;
use crate::faults::Fault;

caught! {
    /// P2
    a_pool_that_serves_the_last_waiter_first_is_caught: ServesTheLastWaiterFirst => [
        p2_blocked_submitters_get_places_in_the_order_in_which_they_came,
        requeued_work_waits_for_a_place_in_a_full_queue,
        requeued_work_and_blocked_submitters_get_places_in_order,
        requeued_work_gets_the_place_of_a_job_that_is_replaced,
        release_runs_requeued_work,
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ];
    /// P2
    a_pool_that_serves_blocked_submitters_first_is_caught: ServesBlockedSubmittersFirst => [
        requeued_work_and_blocked_submitters_get_places_in_order,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ] or [
        requeued_work_is_not_overtaken,
    ];
    /// P2
    a_pool_that_lets_new_jobs_overtake_waiters_is_caught: LetsNewJobsOvertakeWaiters => [
        requeued_work_is_not_overtaken,
    ] or [
        requeued_work_gets_the_place_of_a_job_that_is_replaced,
    ];
    /// P2
    a_pool_that_replaces_jobs_ahead_of_waiters_is_caught: ReplacesJobsAheadOfWaiters => [
        requeued_work_gets_the_place_of_a_job_that_is_replaced,
    ];
    /// P2
    a_pool_that_shows_no_blocked_submitters_is_caught: ShowsNoBlockedSubmitters => [
        p2_blocked_submitters_get_places_in_the_order_in_which_they_came,
        requeued_work_and_blocked_submitters_get_places_in_order,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
        reserve_never_blocks,
    ];
    /// P1
    a_pool_that_shows_no_requeued_work_is_caught: ShowsNoRequeuedWork => [
        requeued_work_waits_for_a_place_in_a_full_queue,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ];
    /// P3
    a_pool_that_rejects_requeued_work_when_full_is_caught: RejectsRequeuedWorkWhenFull => [
        requeued_work_waits_for_a_place_in_a_full_queue,
        requeued_work_is_not_overtaken,
        requeued_work_and_blocked_submitters_get_places_in_order,
        release_runs_requeued_work,
        stop_discards_requeued_work,
        run_queued_finds_requeued_work_without_a_place,
        requeued_work_gets_the_place_of_a_job_that_is_replaced,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ];
    /// P3
    a_pool_that_blocks_in_a_requeue_is_caught: BlocksInARequeue => [
        requeue_never_blocks,
        release_runs_requeued_work,
        requeued_work_and_blocked_submitters_get_places_in_order,
        requeued_work_gets_the_place_of_a_job_that_is_replaced,
        requeued_work_is_not_overtaken,
        requeued_work_waits_for_a_place_in_a_full_queue,
        run_queued_finds_requeued_work_without_a_place,
        stop_discards_requeued_work,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ];
    /// P3
    a_pool_that_loses_requeued_work_is_caught: LosesRequeuedWork => [
        requeue_submits_the_job,
        a_closed_pool_rejects_requeued_work,
        release_runs_requeued_work,
        requeue_never_blocks,
        requeued_work_and_blocked_submitters_get_places_in_order,
        requeued_work_gets_the_place_of_a_job_that_is_replaced,
        requeued_work_is_not_overtaken,
        requeued_work_waits_for_a_place_in_a_full_queue,
        run_queued_finds_requeued_work_without_a_place,
        stop_discards_requeued_work,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ];
    /// P1
    a_pool_that_counts_requeued_work_as_submitted_twice_is_caught: CountsRequeuedWorkAsSubmittedTwice => [
        requeue_submits_the_job,
        requeued_work_waits_for_a_place_in_a_full_queue,
        stop_discards_requeued_work,
    ];
    /// P5
    a_pool_that_accepts_requeued_work_when_closed_is_caught: AcceptsRequeuedWorkWhenClosed => [
        a_closed_pool_rejects_requeued_work,
    ];
    /// P5
    a_pool_that_forgets_requeued_work_at_a_stop_is_caught: ForgetsRequeuedWorkAtAStop => [
        stop_discards_requeued_work,
    ];
    /// P5
    a_pool_that_forgets_requeued_work_in_a_release_is_caught: ForgetsRequeuedWorkInARelease => [
        release_runs_requeued_work,
    ];
    a_pool_that_finds_no_queued_job_is_caught: FindsNoQueuedJob => [
        run_queued_runs_the_job_on_the_caller_and_nowhere_else,
        run_queued_finds_requeued_work_without_a_place,
        run_queued_leaves_the_place_of_the_job_to_others,
    ];
    a_pool_that_finds_jobs_that_are_not_queued_is_caught: FindsJobsThatAreNotQueued => [
        run_queued_returns_false_without_such_a_job,
    ];
    a_pool_that_does_not_find_requeued_work_is_caught: DoesNotFindRequeuedWork => [
        run_queued_finds_requeued_work_without_a_place,
    ];
    /// P3
    a_pool_that_drops_the_job_in_run_queued_is_caught: DropsTheJobInRunQueued => [
        run_queued_runs_the_job_on_the_caller_and_nowhere_else,
        run_queued_finds_requeued_work_without_a_place,
    ];
    a_pool_that_runs_queued_jobs_on_another_thread_is_caught: RunsQueuedJobsOnAnotherThread => [
        run_queued_runs_the_job_on_the_caller_and_nowhere_else,
    ];
    /// P1
    a_pool_that_counts_jobs_that_ran_before_their_turn_as_discarded_is_caught: CountsJobsThatRunBeforeTheirTurnAsDiscarded => [
        run_queued_runs_the_job_on_the_caller_and_nowhere_else,
    ];
    /// P2
    a_pool_that_leaves_no_place_in_run_queued_is_caught: LeavesNoPlaceInRunQueued => [
        run_queued_leaves_the_place_of_the_job_to_others,
        run_queued_runs_the_job_on_the_caller_and_nowhere_else,
    ];
    /// P1
    a_pool_that_counts_jobs_after_their_waiters_wake_is_caught: CountsJobsAfterTheirWaitersWake => [
        p1_a_job_is_counted_before_a_wait_for_it_returns,
    ];
    /// P1
    a_pool_that_shows_peaks_that_are_too_low_is_caught: ShowsPeaksThatAreTooLow => [
        p1_peaks_are_never_below_what_they_are_the_peaks_of,
    ];
    /// P4
    a_pool_that_runs_futures_where_it_polls_them_is_caught: RunsFuturesWhereItPollsThem => [
        p4_a_job_that_waits_for_a_future_of_its_pool_returns,
    ];
    /// P4
    a_pool_that_relies_on_the_token_of_its_thread_in_a_poll_is_caught: ReliesOnTheTokenOfItsThreadInAPoll => [
        a_future_that_is_woken_while_its_thread_is_parked_is_polled_again,
    ];
    a_pool_that_never_says_that_it_is_closed_is_caught: NeverSaysThatItIsClosed => [
        is_closed_says_whether_the_pool_was_stopped_or_released,
    ];
    a_pool_that_does_not_wait_until_it_is_idle_is_caught: DoesNotWaitUntilItIsIdle => [
        wait_idle_returns_after_the_last_job_has_ended,
        wait_idle_returns_false_at_its_deadline,
        wait_idle_on_a_worker_returns_false,
    ];
    a_pool_that_ignores_the_deadline_of_wait_idle_is_caught: IgnoresTheDeadlineOfWaitIdle => [
        wait_idle_returns_false_at_its_deadline,
        wait_idle_on_a_worker_returns_false,
    ];
    a_pool_that_waits_for_itself_in_wait_idle_is_caught: WaitsForItselfInWaitIdle => [
        wait_idle_on_a_worker_returns_false,
    ];
    /// P5
    a_pool_that_returns_only_the_first_job_of_a_stop_is_caught: ReturnsOnlyTheFirstJobOfAStop => [
        stop_and_take_jobs_returns_or_drops_each_queued_job,
    ];
    /// P5
    a_pool_that_drops_queued_jobs_in_stop_and_wait_for_is_caught: DropsQueuedJobsInStopAndWaitFor => [
        stop_and_wait_for_runs_queued_jobs,
    ];
    /// P8
    a_pool_that_counts_a_thread_that_ended_early_is_caught: CountsAThreadThatEndedEarly => [
        p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker,
        p8_a_thread_that_ends_before_it_is_a_worker_is_not_counted,
    ];
    /// A2, P2
    a_pool_that_serves_tasks_last_is_caught: ServesTasksLast => [
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ];
    /// A2
    a_pool_that_serves_tasks_that_have_given_up_is_caught: ServesTasksThatHaveGivenUp => [
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
        reserve_never_blocks,
    ] or [
        p3_tasks_that_race_others_lose_no_job_and_no_place,
    ];
    /// A2
    a_pool_that_loses_places_of_tasks_that_give_up_is_caught: LosesPlacesOfTasksThatGiveUp => [
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
    ] or [
        p3_tasks_that_race_others_lose_no_job_and_no_place,
    ];
    /// P2
    a_pool_that_loses_places_that_are_given_back_is_caught: LosesPlacesThatAreGivenBack => [
        p2_a_reserved_place_that_is_dropped_is_free_again,
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
    ];
    /// P2
    a_pool_that_keeps_no_places_is_caught: KeepsNoPlaces => [
        p2_a_reserved_place_counts_as_one,
        p2_a_task_keeps_the_place_that_it_waited_for,
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
        p2_with_capacity_0_a_task_waits_for_a_worker,
    ];
    /// P3
    a_pool_that_loses_jobs_with_a_place_is_caught: LosesJobsWithAPlace => [
        p2_a_reserved_place_counts_as_one,
        p3_tasks_that_race_others_lose_no_job_and_no_place,
        p2_a_task_keeps_the_place_that_it_waited_for,
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
        p2_with_capacity_0_a_task_waits_for_a_worker,
        resize_up_gives_places_to_tasks,
    ];
    /// A3
    a_pool_that_waits_in_try_reserve_is_caught: WaitsInTryReserve => [
        try_reserve_never_blocks,
        p2_a_reserved_place_that_is_dropped_is_free_again,
    ];
    /// A1
    a_pool_that_blocks_in_reserve_is_caught: BlocksInReserve => [
        reserve_never_blocks,
        p2_a_task_keeps_the_place_that_it_waited_for,
        p2_a_task_that_gives_up_leaves_its_place_to_the_next,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
        p2_with_capacity_0_a_task_waits_for_a_worker,
        p5_tasks_that_wait_wake_when_the_pool_closes,
        resize_up_gives_places_to_tasks,
        the_waker_of_a_task_may_call_its_pool,
    ];
    /// P2
    a_pool_that_reserves_without_a_queue_is_caught: ReservesWithoutAQueue => [
        try_reserve_keeps_no_place_without_a_queue,
    ];
    /// P5
    a_pool_that_waits_for_reservations_in_a_release_is_caught: WaitsForReservationsInARelease => [
        p5_a_closed_pool_keeps_no_places,
    ];
    /// P5
    a_pool_that_accepts_reserved_jobs_when_closed_is_caught: AcceptsReservedJobsWhenClosed => [
        p5_a_closed_pool_keeps_no_places,
    ];
    /// P5
    a_pool_that_does_not_wake_tasks_when_it_closes_is_caught: DoesNotWakeTasksWhenItCloses => [
        p5_tasks_that_wait_wake_when_the_pool_closes,
    ];
    /// A2
    a_pool_that_gives_tasks_no_workers_is_caught: GivesTasksNoWorkers => [
        p2_with_capacity_0_a_task_waits_for_a_worker,
        p2_tasks_threads_and_requeued_work_get_places_in_order,
    ];
    /// P8
    a_pool_that_waits_for_no_worker_is_caught: WaitsForNoWorker => [
        p8_no_task_hangs_if_no_thread_starts,
    ];
    /// E8
    a_pool_that_wakes_tasks_under_its_lock_is_caught: WakesTasksUnderItsLock => [
        the_waker_of_a_task_may_call_its_pool,
    ];
}
