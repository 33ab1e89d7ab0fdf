//! The list of all cases, each with the capabilities it needs. The table of cases and the tests are generated from it.

/// Calls a macro with the given arguments, followed by the list of cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ([$($callback:tt)+] $arguments:tt) => {
        $($callback)+! { $arguments
            log {
                d1_a_new_store_is_empty [];
                d1_positions_ascend_from_batch_to_batch [];
                d1_an_event_comes_back_as_it_was [];
                d1_what_was_committed_survives_the_end_of_the_process [reopen];
                d1_no_position_is_given_twice [];
                d1_no_position_is_given_twice_after_a_restart [reopen];
                d1_a_store_keeps_its_id_and_its_last_position [reopen];
                d1_each_process_sees_what_others_have_committed [processes];
                d2_a_rejected_batch_stores_no_event [];
                d2_a_rejected_batch_makes_no_marks [];
                d2_a_batch_may_mark_what_it_appends [];
                d12_a_full_store_loses_nothing_and_takes_marks [full];
                d17_a_damaged_event_is_named_and_the_others_are_read [reopen damage];
                d18_a_close_loses_nothing [reopen];
            }
            reading {
                d3_read_starts_after_the_position [];
                d3_read_shows_no_gap_while_others_append [];
                read_returns_no_more_records_than_the_limit [];
                read_returns_no_more_bytes_than_the_limit [];
                read_returns_at_least_one_record [];
                read_keeps_what_is_in_the_vector [];
                fetch_leaves_out_what_is_missing [];
                fetch_returns_events_in_ascending_order [];
                find_returns_the_event_of_the_id [];
                changed_shows_what_another_process_has_committed [processes];
            }
            identity {
                d6_the_same_event_is_stored_once [];
                d6_the_same_event_is_stored_once_in_a_batch [];
                d6_the_same_event_is_stored_once_after_a_restart [reopen];
                d6_other_content_with_the_same_id_is_a_conflict [];
                d6_other_properties_make_no_other_event [];
                d6_the_same_content_with_another_id_is_another_event [];
                d6_an_event_that_was_swept_may_come_again [];
            }
            progress {
                d3_a_floor_never_moves_back [];
                d3_what_has_ended_above_the_floor_is_remembered [];
                d3_what_the_floor_passes_is_folded_away [];
                d3_the_floor_passes_what_is_parked [];
                d3_listeners_share_no_progress [];
                d3_progress_survives_the_end_of_the_process [reopen takeover];
                d5_begun_never_moves_back [];
                d5_a_clean_stop_holds_until_the_next_claim [];
            }
            claims {
                d3_a_new_listener_starts_now_or_at_the_oldest_event [];
                d14_each_claim_has_a_higher_term [];
                d14_marks_of_an_overtaken_term_are_fenced [];
                d14_marks_of_a_removed_listener_are_fenced [];
                d14_a_listener_is_claimed_by_one_process_at_a_time [processes];
                d14_processes_may_claim_different_listeners [processes];
                d14_a_released_listener_is_free_for_others [processes];
                d14_a_claim_ends_with_its_process [processes takeover];
                d14_a_process_that_was_overtaken_can_mark_nothing [processes];
                d14_renew_says_whether_the_claim_holds [];
                d14_a_late_release_ends_no_claim_of_others [];
                a_claim_records_its_pattern [];
            }
            parked {
                d7_a_parked_event_comes_back_as_it_was [];
                d7_parked_events_survive_the_end_of_the_process [reopen];
                d7_parking_again_replaces_what_was_parked [];
                d7_an_event_that_has_ended_is_parked_no_longer [];
                parked_returns_events_after_a_position_in_order [];
                parked_returns_only_events_of_the_state [];
                d8_redrive_makes_dead_events_due_at_once [];
                d8_redrive_changes_dead_events_only [];
                d8_discard_ends_dead_events [];
                d8_discard_changes_dead_events_only [];
                d8_redrive_and_discard_need_no_claim [processes];
            }
            sweep {
                d15_at_rest_the_store_is_empty [];
                d15_sweep_keeps_what_a_listener_has_not_ended [];
                d15_sweep_keeps_what_is_parked [];
                d15_sweep_keeps_young_events [];
                d15_sweep_removes_no_more_than_the_limit [];
                d15_sweep_keeps_events_above_the_position [];
            }
            listeners {
                d15_listeners_are_known_with_their_figures [];
                d15_the_figures_of_a_listener_add_up [];
                d15_a_removed_listener_leaves_nothing [];
                d15_a_renamed_listener_keeps_its_progress [];
                d15_a_listener_is_not_renamed_to_a_name_in_use [];
                d15_a_claimed_listener_is_neither_removed_nor_renamed [];
                d15_a_listener_that_is_claimed_elsewhere_is_not_removed [processes];
            }
            random {
                d3_random_calls_do_what_a_simple_model_does [];
                d3_random_calls_and_restarts_do_what_a_simple_model_does [reopen takeover];
            }
        }
    };
}
