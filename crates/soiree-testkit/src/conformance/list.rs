//! The list of all cases, each with the capabilities it needs. The table of cases and the tests are generated from it.

/// Calls a macro with the given arguments, followed by the list of cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __pool_cases {
    ([$($callback:tt)+] $arguments:tt) => {
        $($callback)+! { $arguments
            stats {
                p1_stats_balance_at_every_moment [];
                p1_counters_of_ended_jobs_never_decrease [];
                p1_no_counter_exceeds_what_really_happened [];
                p1_an_idle_pool_shows_no_waiting_and_no_active_jobs [];
                p1_active_counts_the_running_jobs_exactly [];
                p1_waiting_counts_the_queued_jobs_exactly [];
                p1_running_counts_the_live_workers [];
                p1_idle_counts_the_workers_without_a_job [idle_workers];
                p1_a_job_is_counted_before_a_wait_for_it_returns [];
                p1_a_job_that_returns_is_counted_as_successful [];
                p1_a_job_that_panics_is_counted_as_failed [];
                p1_a_job_rejected_by_a_closed_pool_is_counted_only_as_rejected [];
                p1_a_job_rejected_by_a_full_pool_is_counted_only_as_rejected [bounded_queue];
                p1_stats_show_max_workers [];
                p1_stats_show_the_capacity [bounded_queue];
                p1_stats_show_min_workers [min_workers];
            }
            limits {
                p2_no_more_than_max_workers_jobs_run_at_once [];
                p2_no_more_than_max_workers_live_at_once [];
                p2_max_workers_jobs_can_run_at_once [];
                p2_no_more_jobs_wait_than_the_capacity [bounded_queue];
                p2_a_full_queue_rejects_with_the_reason_full [bounded_queue];
                p2_submit_to_a_full_queue_blocks [bounded_queue block];
                p2_with_capacity_0_a_job_goes_directly_to_a_worker [bounded_queue block direct_handoff];
                p2_with_capacity_0_submit_blocks_until_a_worker_is_free [bounded_queue block direct_handoff];
                p2_overflow_reject_rejects_at_once [bounded_queue overflow];
                p2_overflow_block_for_rejects_after_its_timeout [bounded_queue overflow];
                p2_overflow_caller_runs_runs_the_job_on_the_caller [bounded_queue overflow];
                p2_overflow_drop_oldest_discards_only_the_oldest_job [bounded_queue overflow drop_oldest];
            }
            state {
                p1_peaks_are_never_below_what_they_are_the_peaks_of [];
                is_closed_says_whether_the_pool_was_stopped_or_released [is_closed];
                wait_idle_returns_after_the_last_job_has_ended [];
                wait_idle_returns_false_at_its_deadline [];
                wait_idle_on_a_worker_returns_false [];
                stop_and_take_jobs_returns_or_drops_each_queued_job [discard];
            }
            exactly_once {
                p3_each_accepted_job_runs_exactly_once [];
                p3_each_job_runs_exactly_once_while_workers_start_and_leave [idle_timeout];
                p3_each_job_runs_exactly_once_while_the_pool_is_resized [resize];
                p3_no_job_is_lost_while_the_last_worker_leaves [idle_timeout];
                p3_jobs_that_wait_for_each_other_run_if_max_workers_allows [];
                p3_jobs_that_race_a_stop_run_or_are_dropped_or_rejected [];
                p3_jobs_that_race_a_release_run_or_are_rejected [];
                p3_a_closed_pool_returns_the_rejected_job [];
                p3_a_full_pool_returns_the_rejected_job [bounded_queue];
                p3_jobs_after_a_panic_still_run [];
                p3_a_panic_payload_that_panics_on_drop_ends_no_worker [];
            }
            nesting {
                p4_submit_from_a_worker_of_a_full_pool_runs_the_job_inline [bounded_queue block];
                p4_inline_jobs_beyond_the_recursion_limit_are_rejected [bounded_queue block];
                p4_caller_runs_beyond_the_recursion_limit_is_rejected [bounded_queue overflow];
                p4_submit_and_wait_on_a_worker_runs_the_job_inline [];
                p4_submit_all_and_wait_on_a_worker_runs_the_jobs_inline_in_order [];
                p4_on_worker_is_true_inside_a_job [];
                p4_on_worker_is_false_elsewhere [];
                p4_worker_check_agrees_with_on_worker [worker_check];
                p4_worker_check_works_after_the_pool_is_dropped [worker_check];
                p4_worker_check_does_not_keep_the_pool_alive [worker_check workers_end];
            }
            futures {
                p4_a_job_that_waits_for_a_future_of_its_pool_returns [];
                a_future_that_is_woken_while_its_thread_is_parked_is_polled_again [];
            }
            shutdown {
                p5_stop_drops_queued_jobs [discard];
                p5_stop_counts_dropped_jobs_as_discarded [discard];
                p5_stop_lets_running_jobs_finish [];
                p5_release_runs_queued_jobs [];
                p5_release_returns_after_all_jobs_have_ended [];
                p5_a_release_past_its_deadline_reports_running_jobs [];
                p5_a_release_past_its_deadline_drops_queued_jobs [discard];
                p5_a_release_before_its_deadline_returns_ok [];
                p5_workers_end_after_a_release [workers_end];
                p5_workers_end_after_a_stop [workers_end];
                p5_stop_and_release_can_be_repeated_from_any_thread [];
                p5_a_stop_ends_a_release_in_progress [discard];
                p5_a_job_may_stop_its_own_pool [];
                p5_jobs_may_release_their_own_pool [];
                p5_concurrent_releases_all_return [];
                p5_jobs_are_rejected_after_a_stop [];
                p5_jobs_are_rejected_after_a_release [];
                p5_jobs_are_rejected_after_a_release_past_its_deadline [];
                p5_blocked_submitters_wake_when_the_pool_stops [bounded_queue block];
                p5_blocked_submitters_wake_when_the_pool_is_released [bounded_queue block];
                p5_submit_and_wait_returns_when_its_job_is_dropped [discard];
                p5_a_job_cannot_submit_to_its_pool_during_a_release [];
            }
            deadlines {
                p6_a_job_that_starts_before_its_deadline_runs [];
                p6_a_job_past_its_deadline_is_dropped [];
                p6_a_job_past_its_deadline_is_counted_as_expired [];
            }
            idle {
                p7_idle_workers_leave_after_the_idle_timeout [idle_timeout];
                p7_min_workers_stay_when_idle [idle_timeout min_workers];
                #[cfg_attr(
                    not(target_os = "linux"),
                    ignore = "only Linux shows how long a thread has run"
                )]
                p7_an_idle_pool_uses_no_cpu [];
            }
            spawning {
                p8_no_job_hangs_if_no_thread_starts [spawn];
                p8_one_worker_runs_all_jobs_if_later_threads_do_not_start [spawn];
                p8_no_job_is_lost_while_every_second_thread_does_not_start [spawn idle_timeout];
                p8_a_job_queued_for_a_thread_that_does_not_start_is_not_lost [spawn];
                p8_no_job_hangs_if_a_thread_ends_before_it_is_a_worker [spawn];
                p8_a_thread_that_ends_before_it_is_a_worker_is_not_counted [spawn];
                p8_a_pool_without_threads_can_be_released [spawn];
            }
            provided_methods {
                submit_and_wait_returns_after_the_job_has_ended [];
                submit_and_wait_reports_a_panic [];
                submit_all_and_wait_returns_after_all_jobs_have_ended [];
                submit_all_and_wait_returns_the_first_error [];
                submit_before_submits_the_job [];
                try_submit_never_blocks [bounded_queue];
                submit_now_submits_the_job [];
                submit_now_never_blocks [bounded_queue];
                run_inline_runs_the_job_on_the_caller [];
                run_inline_returns_the_outcome [];
                run_inline_counts_the_job [];
                stop_and_wait_for_returns_after_running_jobs_have_ended [];
                stop_and_wait_for_runs_queued_jobs [];
                stop_and_wait_for_reports_running_jobs [];
                running_agrees_with_stats [];
                idle_workers_agrees_with_stats [idle_workers];
                submitted_tasks_agrees_with_stats [];
                waiting_tasks_agrees_with_stats [];
                successful_tasks_agrees_with_stats [];
                failed_tasks_agrees_with_stats [];
                completed_tasks_agrees_with_stats [];
            }
            resizing {
                resize_shows_in_stats [resize];
                resize_to_0_workers_is_rejected [resize];
                resize_above_the_maximum_is_rejected [resize];
                resize_below_min_workers_is_rejected [resize min_workers];
                resize_accepts_no_more_workers_than_can_run [resize];
                resize_up_starts_queued_jobs [resize];
                resize_up_unblocks_submitters [resize bounded_queue block];
                resize_down_starts_no_job_above_the_new_limit [resize];
                resize_down_ends_workers_above_the_new_limit [resize];
                resize_down_and_up_again_loses_no_job [resize];
            }
            requeue {
                p2_blocked_submitters_get_places_in_the_order_in_which_they_came [bounded_queue block in_order];
                requeue_submits_the_job [];
                requeue_never_blocks [bounded_queue];
                requeued_work_waits_for_a_place_in_a_full_queue [bounded_queue requeue];
                requeued_work_is_not_overtaken [bounded_queue requeue];
                requeued_work_and_blocked_submitters_get_places_in_order [bounded_queue block in_order requeue];
                requeued_work_gets_the_place_of_a_job_that_is_replaced [bounded_queue overflow drop_oldest requeue];
                release_runs_requeued_work [bounded_queue requeue];
                stop_discards_requeued_work [bounded_queue discard requeue];
                a_closed_pool_rejects_requeued_work [];
                run_queued_runs_the_job_on_the_caller_and_nowhere_else [run_queued];
                run_queued_leaves_the_place_of_the_job_to_others [bounded_queue run_queued];
                run_queued_finds_requeued_work_without_a_place [bounded_queue requeue run_queued];
                run_queued_returns_false_without_such_a_job [];
            }
            places {
                p2_a_reserved_place_counts_as_one [bounded_queue try_reserve];
                p2_a_reserved_place_that_is_dropped_is_free_again [bounded_queue try_reserve];
                try_reserve_never_blocks [bounded_queue try_reserve];
                try_reserve_keeps_no_place_without_a_queue [bounded_queue direct_handoff try_reserve];
                p5_a_closed_pool_keeps_no_places [bounded_queue try_reserve];
            }
            reserve {
                reserve_never_blocks [bounded_queue reserve];
                p2_a_task_keeps_the_place_that_it_waited_for [bounded_queue reserve];
                p2_tasks_threads_and_requeued_work_get_places_in_order [bounded_queue block in_order requeue reserve];
                p2_a_task_that_gives_up_leaves_its_place_to_the_next [bounded_queue reserve];
                p2_with_capacity_0_a_task_waits_for_a_worker [bounded_queue direct_handoff reserve];
                p3_tasks_that_race_others_lose_no_job_and_no_place [bounded_queue reserve];
                p5_tasks_that_wait_wake_when_the_pool_closes [bounded_queue reserve];
                p8_no_task_hangs_if_no_thread_starts [spawn reserve];
                resize_up_gives_places_to_tasks [resize bounded_queue reserve];
                the_waker_of_a_task_may_call_its_pool [bounded_queue reserve];
            }
            dropping {
                dropping_the_pool_runs_accepted_jobs [];
                dropping_the_pool_does_not_block [];
                dropping_the_pool_ends_its_threads [workers_end];
                a_pool_may_be_dropped_on_its_own_worker [];
            }
            reentrancy {
                a_job_may_call_its_pool [];
                a_job_that_ran_may_call_its_pool_when_dropped [];
                a_job_dropped_by_a_stop_may_call_its_pool [discard];
                a_job_dropped_past_its_deadline_may_call_its_pool [];
                a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool [discard];
            }
        }
    };
}
