//! All cases, and the capabilities that each needs. The table and the tests are made of this one list.

/// Hands the list of cases to a macro of this crate, behind the arguments given.
#[doc(hidden)]
#[macro_export]
macro_rules! __pool_cases {
    ([$($callback:tt)+] $arguments:tt) => {
        $($callback)+! { $arguments
            accounting {
                p1_the_figures_balance_at_every_moment [];
                p1_what_has_ended_stays_ended [];
                p1_no_figure_reads_above_the_truth [];
                p1_at_rest_nothing_waits_and_nothing_is_active [];
                p1_active_is_exact_while_jobs_are_held [];
                p1_waiting_is_exact_behind_held_jobs [];
                p1_running_counts_the_workers_that_live [];
                p1_idle_counts_the_workers_without_a_job [idle_workers];
                p1_a_job_that_ends_is_counted_as_successful [];
                p1_a_panic_is_counted_as_failed [];
                p1_a_job_refused_by_a_closed_pool_is_counted_as_rejected_alone [];
                p1_a_job_refused_by_a_full_pool_is_counted_as_rejected_alone [bound];
                p1_the_limits_are_told [];
                p1_the_capacity_is_told [bound];
                p1_the_least_number_of_workers_is_told [min_workers];
            }
            bounds {
                p2_no_more_jobs_run_at_once_than_there_may_be_workers [];
                p2_no_more_workers_live_than_may [];
                p2_as_many_jobs_run_at_once_as_there_may_be_workers [];
                p2_no_more_jobs_wait_than_the_capacity [bound];
                p2_the_refusal_of_a_full_queue_says_so [bound];
                p2_a_full_queue_holds_the_submitter_back [bound block];
                p2_a_queue_of_capacity_0_hands_jobs_over_directly [bound block handover];
                p2_with_capacity_0_a_submitter_waits_for_a_worker [bound block handover];
                p2_reject_refuses_at_once [bound overflow];
                p2_block_for_refuses_when_its_time_is_over [bound overflow];
                p2_caller_runs_runs_the_job_on_the_caller [bound overflow];
                p2_drop_oldest_discards_exactly_the_oldest [bound overflow drop_oldest];
            }
            keeping {
                p3_each_accepted_job_runs_exactly_once [];
                p3_each_job_runs_exactly_once_while_workers_come_and_go [idle_timeout];
                p3_each_job_runs_exactly_once_while_the_limit_changes [resize];
                p3_no_job_is_stranded_while_the_last_worker_leaves [idle_timeout];
                p3_a_job_may_wait_for_another_while_there_may_be_more_workers [];
                p3_jobs_that_race_a_stop_are_run_or_dropped_or_refused [];
                p3_jobs_that_race_a_release_are_run_or_refused [];
                p3_a_job_refused_by_a_closed_pool_comes_back_usable [];
                p3_a_job_refused_by_a_full_pool_comes_back_usable [bound];
                p3_the_jobs_after_a_panic_still_run [];
                p3_a_panic_payload_that_panics_when_dropped_ends_no_worker [];
            }
            nesting {
                p4_a_job_from_a_worker_of_a_full_pool_runs_inline [bound block];
                p4_past_the_stated_depth_a_job_comes_back [bound block];
                p4_a_caller_that_runs_jobs_goes_no_deeper_than_stated [bound overflow];
                p4_submit_and_wait_on_a_worker_runs_inline [];
                p4_submit_all_and_wait_on_a_worker_runs_inline_in_order [];
                p4_on_worker_is_true_inside_a_job [];
                p4_on_worker_is_false_elsewhere [];
                p4_the_worker_check_answers_as_on_worker [worker_check];
                p4_the_worker_check_answers_when_the_pool_is_dropped [worker_check];
                p4_a_worker_check_does_not_keep_the_pool [worker_check workers_end];
            }
            ending {
                p5_stop_drops_what_waits [discard];
                p5_what_stop_drops_is_counted_as_discarded [discard];
                p5_stop_lets_running_jobs_end [];
                p5_release_runs_everything_that_waits [];
                p5_release_returns_when_all_has_ended [];
                p5_a_release_past_its_deadline_says_what_still_runs [];
                p5_a_release_past_its_deadline_drops_what_waits [discard];
                p5_a_release_in_time_says_so [];
                p5_the_workers_end_after_a_release [workers_end];
                p5_the_workers_end_after_a_stop [workers_end];
                p5_stop_and_release_may_come_again_and_from_any_thread [];
                p5_a_stop_ends_a_release [discard];
                p5_a_job_may_stop_its_own_pool [];
                p5_jobs_may_release_their_own_pool [];
                p5_releases_may_meet_one_another [];
                p5_after_a_stop_jobs_are_refused [];
                p5_after_a_release_jobs_are_refused [];
                p5_while_a_release_waits_jobs_are_refused [];
                p5_blocked_submitters_wake_when_the_pool_stops [bound block];
                p5_blocked_submitters_wake_when_the_pool_is_released [bound block];
                p5_a_waiter_wakes_when_its_job_is_dropped [discard];
                p5_a_job_of_a_pool_that_is_released_cannot_submit [];
            }
            deadlines {
                p6_a_job_that_starts_in_time_runs [];
                p6_a_job_past_its_deadline_is_dropped_unrun [];
                p6_a_job_past_its_deadline_is_counted_as_expired [];
            }
            resting {
                p7_idle_workers_leave [idle_timeout];
                p7_the_least_number_of_workers_stays [idle_timeout min_workers];
                #[cfg_attr(
                    not(target_os = "linux"),
                    ignore = "how long a thread has run is read from Linux's /proc"
                )]
                p7_a_pool_at_rest_uses_no_cpu [];
            }
            spawning {
                p8_without_a_single_thread_no_job_hangs [spawn];
                p8_when_later_threads_fail_the_others_run_everything [spawn];
                p8_no_job_is_stranded_while_every_second_thread_fails [spawn idle_timeout];
                p8_a_job_that_counted_on_a_failed_thread_is_not_stranded [spawn];
                p8_a_pool_without_threads_can_be_released [spawn];
            }
            methods {
                submit_and_wait_returns_when_the_job_has_ended [];
                submit_and_wait_says_that_the_job_panicked [];
                submit_all_and_wait_returns_when_all_have_ended [];
                submit_all_and_wait_returns_the_first_error [];
                submit_before_hands_the_job_over [];
                try_submit_never_waits [bound];
                submit_now_hands_the_job_over [];
                submit_now_never_waits [bound];
                run_inline_runs_the_job_on_the_caller [];
                run_inline_tells_how_the_job_ended [];
                run_inline_counts_the_job [];
                stop_and_wait_for_returns_when_running_jobs_have_ended [];
                stop_and_wait_for_says_what_still_runs [];
                running_agrees_with_the_figures [];
                idle_workers_agrees_with_the_figures [idle_workers];
                submitted_tasks_agrees_with_the_figures [];
                waiting_tasks_agrees_with_the_figures [];
                successful_tasks_agrees_with_the_figures [];
                failed_tasks_agrees_with_the_figures [];
                completed_tasks_agrees_with_the_figures [];
            }
            resizing {
                resize_shows_in_the_figures [resize];
                resize_to_no_workers_is_refused [resize];
                resize_to_more_than_can_be_meant_is_refused [resize];
                resize_below_the_workers_that_stay_is_refused [resize min_workers];
                resize_up_starts_what_waits [resize];
                resize_up_lets_blocked_submitters_in [resize bound block];
                resize_down_lets_no_job_start_above_the_new_limit [resize];
                resize_down_lets_the_workers_above_the_limit_leave [resize];
                resize_down_and_up_again_loses_no_job [resize];
            }
            owed {
                dropping_the_pool_runs_what_was_accepted [];
                dropping_the_pool_does_not_wait [];
                dropping_the_pool_ends_its_threads [workers_end];
                a_pool_may_be_dropped_on_its_own_worker [];
                a_job_may_call_its_pool [];
                a_job_that_ran_may_call_its_pool_as_it_is_dropped [];
                a_job_dropped_by_a_stop_may_call_its_pool [discard];
                a_job_that_came_too_late_may_call_its_pool [];
                a_job_dropped_by_a_release_past_its_deadline_may_call_its_pool [discard];
            }
        }
    };
}
