//! The connector on real servers: one set of scenarios for OpenLDAP, 389 Directory Server and
//! Samba's Active Directory, and what only one of them has.
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

/// Makes a test of each of these scenarios for a vendor.
macro_rules! tests_of {
    ($vendor:expr, $module:ident: $($scenario:ident)*) => {
        $(#[test]
        fn $scenario() {
            if let Some(place) = $crate::place::Place::of(&$vendor, stringify!($scenario)) {
                $crate::$module::$scenario(&place);
            }
        })*
    };
}

/// Makes a test of each scenario for a vendor.
macro_rules! every_scenario {
    ($vendor:expr) => {
        tests_of! { $vendor, discovery:
            the_schema_tells_what_a_client_needs_and_is_the_same_twice
            without_settings_the_usual_classes_and_the_naming_context_are_there
        }
        tests_of! { $vendor, imports:
            every_entry_comes_once_in_pages_of_any_size
            without_pages_the_size_limit_is_an_error_that_tells_the_remedy
            a_sorted_list_brings_the_same_as_pages
            a_base_that_is_not_there_is_an_error_of_the_settings
            containers_and_filters_choose_what_comes
        }
        tests_of! { $vendor, adds:
            a_new_entry_is_named_by_its_template_or_says_its_name
            missing_containers_are_made_only_when_the_settings_say_of_which_class
            auxiliary_classes_come_with_new_entries_and_with_their_attributes
            names_that_are_hard_to_write_are_added_changed_renamed_and_deleted
            bytes_and_texts_come_back_as_they_were_given
            empty_texts_are_no_values
            what_cannot_be_added_is_refused_by_kind_and_attribute
            a_group_without_members_has_none
        }
        tests_of! { $vendor, changes:
            values_come_and_go_and_twice_is_as_once
            a_change_that_is_refused_leaves_the_entry_as_it_was
            an_entry_is_renamed_and_moved_in_every_way_and_keeps_its_anchor
            an_entry_with_an_old_name_is_found_and_who_has_the_name_now_is_not_touched
            an_entry_is_deleted_once
            what_stands_below_an_entry_goes_only_when_the_settings_say_so
        }
        tests_of! { $vendor, groups:
            a_large_group_is_built_changed_and_imported_whole
            a_new_group_with_many_members_is_added_in_steps
            a_new_entry_goes_again_when_the_rest_of_it_is_refused
            a_new_entry_goes_again_when_the_connection_breaks_before_it_has_all
            a_new_entry_that_others_delete_before_it_has_all_is_worth_another_try
            a_group_of_others_gets_no_members_when_an_answer_does_not_come
            members_that_are_named_by_their_log_in_names_are_references
        }
        tests_of! { $vendor, passwords:
            a_password_that_is_set_logs_in_and_the_one_before_does_not
            a_password_is_changed_by_who_knows_the_old_one
            a_password_that_the_policy_refuses_is_invalid
            an_account_is_disabled_and_enabled_and_imports_tell_it
            a_new_account_is_enabled_with_its_first_password
        }
        tests_of! { $vendor, tls:
            a_server_is_believed_by_its_authority_or_its_fingerprint
            a_password_is_not_sent_in_the_open_unless_the_settings_say_so
            what_is_wrong_with_a_certificate_is_said
        }
        tests_of! { $vendor, failures:
            who_may_not_log_in_or_write_is_told_so
            the_next_server_is_taken_when_one_is_down
            a_connection_that_was_closed_is_opened_again
            an_import_that_is_broken_off_is_an_error_and_the_next_one_is_whole
            a_time_limit_in_the_middle_of_pages_costs_no_entry_and_none_comes_twice
            an_add_without_an_answer_is_looked_up_and_not_made_twice
        }
        tests_of! { $vendor, restarts:
            a_restart_between_pages_breaks_an_import_off_and_the_next_one_is_whole
            a_restart_in_the_middle_of_a_delta_loses_no_change
            a_server_that_halts_is_a_timeout_and_one_that_is_restarted_is_found_again
            a_mark_outlives_a_restart_of_the_server
        }
        tests_of! { $vendor, dn_anchor:
            entries_that_are_known_by_their_names_keep_them
        }
        tests_of! { $vendor, deltas:
            what_happens_to_entries_is_what_deltas_bring
            what_leaves_the_filter_or_the_containers_is_gone
            what_stands_below_a_container_moves_with_it
            a_group_comes_with_the_members_that_it_has_then
            what_leaves_the_base_is_gone_or_asks_for_a_full_import
            changes_of_one_second_are_not_lost
            a_mark_that_the_server_does_not_know_asks_for_a_full_import
        }
    };
}

mod adds;
mod changes;
mod deltas;
mod discovery;
mod dn_anchor;
mod ds389;
mod failures;
mod groups;
mod imports;
mod only_openldap;
mod openldap;
mod passwords;
mod place;
mod proxy;
mod restarts;
mod samba;
mod tls;
mod vendors;
