//! What a broken store does wrong, and which cases catch it.

/// Makes the faults, and a table of the cases that each of them fails.
macro_rules! faults {
    ($($fault:ident => [$($case:ident),* $(,)?];)*) => {
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub(crate) enum Fault {
            $($fault,)*
        }

        impl Fault {
            pub(crate) const ALL: &[(Self, &[&str])] = &[
                $((Self::$fault, &[$(stringify!($case)),*]),)*
            ];
        }
    };
}

faults! {
    AcceptsMarksOfUnknownListeners => [d14_marks_of_a_removed_listener_are_fenced];
    AcksBeforeItCommits => [
        d17_a_damaged_event_is_named_and_the_others_are_read,
        d1_each_process_sees_what_others_have_committed,
        d1_what_was_committed_survives_the_end_of_the_process,
    ];
    AlwaysSaysThatItHasRemoved => [d15_a_removed_listener_leaves_nothing];
    AlwaysShowsAChange => [changed_shows_what_another_process_has_committed];
    ComparesProperties => [d6_other_properties_make_no_other_event];
    CountsDeadEventsAsParked => [
        d15_a_listener_is_not_renamed_to_a_name_in_use,
        d15_a_renamed_listener_keeps_its_progress,
        d15_listeners_are_known_with_their_figures,
        d15_the_figures_of_a_listener_add_up,
    ];
    CountsTheAttemptsOfRedrivenEvents => [d8_redrive_makes_dead_events_due_at_once];
    DiscardsNothing => [
        d8_discard_changes_dead_events_only,
        d8_discard_ends_dead_events,
        d8_redrive_and_discard_need_no_claim,
    ];
    DiscardsNothingAfterARestart => [d3_random_calls_and_restarts_do_what_a_simple_model_does];
    DiscardsWhatIsNotDead => [d8_discard_changes_dead_events_only];
    DoesNotCheckBytes => [d17_a_damaged_event_is_named_and_the_others_are_read];
    DrawsANewIdInEachOpen => [d1_a_store_keeps_its_id_and_its_last_position];
    FetchesAllOrNothing => [fetch_leaves_out_what_is_missing];
    FetchesInAnyOrder => [fetch_returns_events_in_ascending_order];
    FiltersAPageAfterItsLimit => [parked_returns_only_events_of_the_state];
    FindsAnyEvent => [find_returns_the_event_of_the_id];
    FindsDuplicatesByContent => [d6_the_same_content_with_another_id_is_another_event];
    ForgetsDoneEventsInARestart => [d3_progress_survives_the_end_of_the_process];
    ForgetsIdsInARestart => [d6_the_same_event_is_stored_once_after_a_restart];
    ForgetsParkedEventsInARestart => [
        d18_a_close_loses_nothing,
        d7_parked_events_survive_the_end_of_the_process,
    ];
    ForgetsParkedEventsWhenItCloses => [d18_a_close_loses_nothing];
    ForgetsWhatEndsAboveTheFloor => [
        d15_a_listener_is_not_renamed_to_a_name_in_use,
        d15_a_removed_listener_leaves_nothing,
        d15_a_renamed_listener_keeps_its_progress,
        d15_at_rest_the_store_is_empty,
        d15_listeners_are_known_with_their_figures,
        d15_sweep_keeps_what_a_listener_has_not_ended,
        d15_the_figures_of_a_listener_add_up,
        d3_progress_survives_the_end_of_the_process,
        d3_what_has_ended_above_the_floor_is_remembered,
        d3_what_the_floor_passes_is_folded_away,
        d7_an_event_that_has_ended_is_parked_no_longer,
    ];
    ForgetsWhatEndsInLargeMarks => [
        d3_random_calls_do_what_a_simple_model_does,
        d3_random_calls_and_restarts_do_what_a_simple_model_does,
    ];
    ForgetsWhatTheFloorPasses => [
        d15_the_figures_of_a_listener_add_up,
        d3_the_floor_passes_what_is_parked,
        d7_an_event_that_has_ended_is_parked_no_longer,
    ];
    GivesAllClaimsTheSameTerm => [
        d14_a_claim_ends_with_its_process,
        d14_a_late_release_ends_no_claim_of_others,
        d14_a_process_that_was_overtaken_can_mark_nothing,
        d14_each_claim_has_a_higher_term,
        d14_marks_of_an_overtaken_term_are_fenced,
        d14_renew_says_whether_the_claim_holds,
        d15_a_renamed_listener_keeps_its_progress,
        d2_a_rejected_batch_makes_no_marks,
        d2_a_rejected_batch_stores_no_event,
    ];
    IgnoresTheAgeOfEvents => [d15_sweep_keeps_young_events];
    IgnoresTheLimitOfASweep => [d15_sweep_removes_no_more_than_the_limit];
    IgnoresTheLimitOfBytes => [
        read_returns_at_least_one_record,
        read_returns_no_more_bytes_than_the_limit,
    ];
    IgnoresTheSizeOfAPage => [
        parked_returns_events_after_a_position_in_order,
        parked_returns_only_events_of_the_state,
    ];
    IgnoresTheStateOfAPage => [parked_returns_only_events_of_the_state];
    IgnoresTheTerm => [
        d14_a_process_that_was_overtaken_can_mark_nothing,
        d14_marks_of_an_overtaken_term_are_fenced,
        d2_a_rejected_batch_makes_no_marks,
        d2_a_rejected_batch_stores_no_event,
    ];
    IsAlwaysClean => [
        d3_listeners_share_no_progress,
        d3_progress_survives_the_end_of_the_process,
        d5_a_clean_stop_holds_until_the_next_claim,
    ];
    IsNeverClean => [
        d3_a_new_listener_starts_now_or_at_the_oldest_event,
        d5_a_clean_stop_holds_until_the_next_claim,
    ];
    KeepsReleasedClaims => [
        d14_a_process_that_was_overtaken_can_mark_nothing,
        d14_a_released_listener_is_free_for_others,
        d14_marks_of_a_removed_listener_are_fenced,
        d15_a_claimed_listener_is_neither_removed_nor_renamed,
        d15_a_listener_is_not_renamed_to_a_name_in_use,
        d15_a_removed_listener_leaves_nothing,
        d15_a_renamed_listener_keeps_its_progress,
    ];
    KeepsTheClaimsOfEndedProcesses => [
        d14_a_claim_ends_with_its_process,
        d3_progress_survives_the_end_of_the_process,
    ];
    KeepsTheFirstPattern => [a_claim_records_its_pattern];
    KeepsTheFirstStateOfAParkedEvent => [d7_parking_again_replaces_what_was_parked];
    KeepsThePlaceOfARemovedListener => [
        d14_marks_of_a_removed_listener_are_fenced,
        d15_a_removed_listener_leaves_nothing,
    ];
    KeepsWhatHasEndedParked => [
        d15_the_figures_of_a_listener_add_up,
        d7_an_event_that_has_ended_is_parked_no_longer,
    ];
    KnowsItsOwnClaimsOnly => [d15_a_listener_that_is_claimed_elsewhere_is_not_removed];
    LetsEveryProcessClaim => [
        d14_a_listener_is_claimed_by_one_process_at_a_time,
        d14_a_released_listener_is_free_for_others,
    ];
    LocksTheWholeStore => [d14_processes_may_claim_different_listeners];
    LooksForDuplicatesInEarlierBatchesOnly => [d6_the_same_event_is_stored_once_in_a_batch];
    LosesErrors => [
        d7_a_parked_event_comes_back_as_it_was,
        d7_an_event_that_has_ended_is_parked_no_longer,
        d7_parked_events_survive_the_end_of_the_process,
        d7_parking_again_replaces_what_was_parked,
        d8_discard_changes_dead_events_only,
        d8_redrive_changes_dead_events_only,
        parked_returns_events_after_a_position_in_order,
        parked_returns_only_events_of_the_state,
    ];
    LosesProgressInARename => [d15_a_renamed_listener_keeps_its_progress];
    LosesProperties => [
        d1_an_event_comes_back_as_it_was,
        d1_what_was_committed_survives_the_end_of_the_process,
    ];
    LosesTheKeysOfParkedEvents => [
        d7_a_parked_event_comes_back_as_it_was,
        d7_an_event_that_has_ended_is_parked_no_longer,
        d7_parked_events_survive_the_end_of_the_process,
        d7_parking_again_replaces_what_was_parked,
        d8_discard_changes_dead_events_only,
        d8_redrive_changes_dead_events_only,
        d8_redrive_makes_dead_events_due_at_once,
        parked_returns_events_after_a_position_in_order,
        parked_returns_only_events_of_the_state,
    ];
    LosesTheLastCommitWhenItCloses => [d18_a_close_loses_nothing];
    MakesTheOtherMarksOfAFencedBatch => [d2_a_rejected_batch_makes_no_marks];
    MarksAllListeners => [
        d15_sweep_keeps_what_a_listener_has_not_ended,
        d3_listeners_share_no_progress,
    ];
    MarksBeforeItAppends => [d2_a_batch_may_mark_what_it_appends];
    MixesParkedEventsUp => [
        d15_a_renamed_listener_keeps_its_progress,
        d3_listeners_share_no_progress,
        parked_returns_events_after_a_position_in_order,
        parked_returns_only_events_of_the_state,
    ];
    MovesBegunBack => [d5_begun_never_moves_back];
    MovesFloorsBack => [
        d15_a_removed_listener_leaves_nothing,
        d3_a_floor_never_moves_back,
    ];
    NeedsAClaimToRedrive => [d8_redrive_and_discard_need_no_claim];
    NeverFoldsDoneEvents => [
        d15_a_removed_listener_leaves_nothing,
        d15_a_renamed_listener_keeps_its_progress,
        d15_the_figures_of_a_listener_add_up,
        d3_what_the_floor_passes_is_folded_away,
        d7_an_event_that_has_ended_is_parked_no_longer,
        d8_discard_ends_dead_events,
    ];
    NeverShowsAChange => [changed_shows_what_another_process_has_committed];
    NeverSweepsTheLastEvent => [
        d12_a_full_store_loses_nothing_and_takes_marks,
        d15_a_removed_listener_leaves_nothing,
        d15_at_rest_the_store_is_empty,
        d15_sweep_keeps_what_is_parked,
        d15_sweep_removes_no_more_than_the_limit,
        d1_a_store_keeps_its_id_and_its_last_position,
        d1_no_position_is_given_twice,
        d1_no_position_is_given_twice_after_a_restart,
        d6_an_event_that_was_swept_may_come_again,
    ];
    OpensWithAWrongPosition => [
        d1_a_new_store_is_empty,
        d1_a_store_keeps_its_id_and_its_last_position,
    ];
    ReadsFromThePosition => [
        d3_read_shows_no_gap_while_others_append,
        d3_read_starts_after_the_position,
        read_keeps_what_is_in_the_vector,
    ];
    ReadsNoRecordThatIsTooLarge => [read_returns_at_least_one_record];
    ReadsOneRecordTooMany => [read_returns_no_more_records_than_the_limit];
    RedrivesOneEventOnly => [
        d8_redrive_changes_dead_events_only,
        d8_redrive_makes_dead_events_due_at_once,
    ];
    RedrivesWhatIsNotDead => [d8_redrive_changes_dead_events_only];
    RejectsMarksOnceItWasFull => [d12_a_full_store_loses_nothing_and_takes_marks];
    ReleasesTheClaimOfAnyTerm => [d14_a_late_release_ends_no_claim_of_others];
    RemembersSweptIds => [d6_an_event_that_was_swept_may_come_again];
    RemovesClaimedListeners => [
        d15_a_claimed_listener_is_neither_removed_nor_renamed,
        d15_a_listener_that_is_claimed_elsewhere_is_not_removed,
    ];
    RenamesToNamesInUse => [d15_a_listener_is_not_renamed_to_a_name_in_use];
    RenewsEveryClaim => [d14_renew_says_whether_the_claim_holds];
    RenewsNoClaim => [
        d14_a_late_release_ends_no_claim_of_others,
        d14_renew_says_whether_the_claim_holds,
    ];
    ReplacesWhatIsInTheVector => [read_keeps_what_is_in_the_vector];
    ReportsPositionsInReverse => [
        d15_a_listener_is_not_renamed_to_a_name_in_use,
        d15_a_removed_listener_leaves_nothing,
        d15_a_renamed_listener_keeps_its_progress,
        d15_at_rest_the_store_is_empty,
        d15_listeners_are_known_with_their_figures,
        d15_sweep_keeps_events_above_the_position,
        d15_sweep_keeps_what_a_listener_has_not_ended,
        d15_sweep_keeps_what_is_parked,
        d15_sweep_keeps_young_events,
        d15_sweep_removes_no_more_than_the_limit,
        d15_the_figures_of_a_listener_add_up,
        d17_a_damaged_event_is_named_and_the_others_are_read,
        d18_a_close_loses_nothing,
        d1_a_store_keeps_its_id_and_its_last_position,
        d1_each_process_sees_what_others_have_committed,
        d1_positions_ascend_from_batch_to_batch,
        d3_a_floor_never_moves_back,
        d3_a_new_listener_starts_now_or_at_the_oldest_event,
        d3_progress_survives_the_end_of_the_process,
        d3_read_starts_after_the_position,
        d3_the_floor_passes_what_is_parked,
        d3_what_has_ended_above_the_floor_is_remembered,
        d3_what_the_floor_passes_is_folded_away,
        d5_begun_never_moves_back,
        d6_the_same_event_is_stored_once,
        d6_the_same_event_is_stored_once_in_a_batch,
        d7_a_parked_event_comes_back_as_it_was,
        d7_an_event_that_has_ended_is_parked_no_longer,
        d7_parked_events_survive_the_end_of_the_process,
        d7_parking_again_replaces_what_was_parked,
        d8_discard_changes_dead_events_only,
        d8_discard_ends_dead_events,
        d8_redrive_changes_dead_events_only,
        d8_redrive_makes_dead_events_due_at_once,
        fetch_leaves_out_what_is_missing,
        fetch_returns_events_in_ascending_order,
        parked_returns_events_after_a_position_in_order,
        parked_returns_only_events_of_the_state,
        read_keeps_what_is_in_the_vector,
    ];
    ReturnsDoneEventsInAnyOrder => [d3_what_has_ended_above_the_floor_is_remembered];
    ReturnsPagesInReverse => [
        d7_a_parked_event_comes_back_as_it_was,
        d7_an_event_that_has_ended_is_parked_no_longer,
        d7_parked_events_survive_the_end_of_the_process,
        d7_parking_again_replaces_what_was_parked,
        d8_discard_changes_dead_events_only,
        d8_redrive_changes_dead_events_only,
        d8_redrive_makes_dead_events_due_at_once,
        parked_returns_events_after_a_position_in_order,
        parked_returns_only_events_of_the_state,
    ];
    ReusesPositionsAfterARestart => [d1_no_position_is_given_twice_after_a_restart];
    ReusesPositionsAfterASweep => [
        d1_no_position_is_given_twice,
        d1_no_position_is_given_twice_after_a_restart,
        d6_an_event_that_was_swept_may_come_again,
    ];
    SeesOnlyItsOwnCommits => [d1_each_process_sees_what_others_have_committed];
    ShowsAStateForNobody => [d1_a_new_store_is_empty];
    ShowsLaterEventsFirst => [d3_read_shows_no_gap_while_others_append];
    ShowsParkedEventsAsWaiting => [
        d15_the_figures_of_a_listener_add_up,
        d3_the_floor_passes_what_is_parked,
        d7_a_parked_event_comes_back_as_it_was,
    ];
    StartsAlwaysAtTheOldest => [d3_a_new_listener_starts_now_or_at_the_oldest_event];
    StartsAlwaysNow => [
        d14_a_process_that_was_overtaken_can_mark_nothing,
        d14_marks_of_an_overtaken_term_are_fenced,
        d15_a_listener_is_not_renamed_to_a_name_in_use,
        d15_a_removed_listener_leaves_nothing,
        d15_a_renamed_listener_keeps_its_progress,
        d15_listeners_are_known_with_their_figures,
        d15_sweep_keeps_what_a_listener_has_not_ended,
        d15_the_figures_of_a_listener_add_up,
        d18_a_close_loses_nothing,
        d2_a_rejected_batch_makes_no_marks,
        d3_a_floor_never_moves_back,
        d3_a_new_listener_starts_now_or_at_the_oldest_event,
        d3_listeners_share_no_progress,
        d3_progress_survives_the_end_of_the_process,
        d3_what_has_ended_above_the_floor_is_remembered,
        d3_what_the_floor_passes_is_folded_away,
        d5_begun_never_moves_back,
        d7_an_event_that_has_ended_is_parked_no_longer,
        d8_discard_ends_dead_events,
    ];
    StartsEachPageAtTheStart => [parked_returns_events_after_a_position_in_order];
    StaysCleanAfterAClaim => [d5_a_clean_stop_holds_until_the_next_claim];
    StopsTheFloorAtParkedEvents => [
        d15_sweep_keeps_what_is_parked,
        d15_the_figures_of_a_listener_add_up,
        d3_the_floor_passes_what_is_parked,
        d7_an_event_that_has_ended_is_parked_no_longer,
        d8_discard_ends_dead_events,
    ];
    StoresAPartOfABatchWhenFull => [d12_a_full_store_loses_nothing_and_takes_marks];
    StoresDuplicates => [
        d6_other_content_with_the_same_id_is_a_conflict,
        d6_other_properties_make_no_other_event,
        d6_the_same_event_is_stored_once,
        d6_the_same_event_is_stored_once_after_a_restart,
        d6_the_same_event_is_stored_once_in_a_batch,
    ];
    StoresTheEventsOfAFencedBatch => [d2_a_rejected_batch_stores_no_event];
    SweepsAboveThePosition => [
        d15_sweep_keeps_events_above_the_position,
        fetch_leaves_out_what_is_missing,
    ];
    SweepsParkedEvents => [
        d15_a_removed_listener_leaves_nothing,
        d15_sweep_keeps_what_is_parked,
    ];
    SweepsWhatOneListenerHasEnded => [d15_sweep_keeps_what_a_listener_has_not_ended];
    TakesAnyContentForADuplicate => [
        d6_other_content_with_the_same_id_is_a_conflict,
        d6_the_same_event_is_stored_once_in_a_batch,
    ];
    TruncatesLargePayloads => [
        d1_an_event_comes_back_as_it_was,
        d1_what_was_committed_survives_the_end_of_the_process,
    ];
}
