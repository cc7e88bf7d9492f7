"""Faults that a tired programmer might make, each planted by itself: `python -m tests.faults` says who catches it.

`--only NAME` plants one of them, `--list` prints the table of docs/testing.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "var", "pictures", "__pycache__", ".*_cache", ".hypothesis")


@dataclass(frozen=True)
class Fault:
    """What is wrong, in which file, the text that stands there once and what stands there instead, who must see it."""

    name: str
    file: str
    right: str
    wrong: str
    test: str


def _part(page: str, part: str, test: str) -> Fault:
    """A part of a page that raises."""
    begins = f"def {part}(seen: View) -> None:\n"
    return Fault(
        f"a part of a page raises: {page}.{part}", f"pages/{page}.py", begins, f"{begins}    raise RuntimeError\n", test
    )


FAULTS = (
    # the arithmetic of estimates
    Fault(
        "the variance lacks the finite population correction",
        "queries/estimates.py",
        "np.sum((1 - reports / size) * reports / (reports - 1) * squares)",
        "np.sum(reports / (reports - 1) * squares)",
        "tests/test_estimates.py::test_a_stratum_in_which_every_pec_reported_adds_nothing_to_the_margin",
    ),
    Fault(
        "degrees of freedom do not go by strata",
        "queries/estimates.py",
        "    freedom = len(h) - len(size)\n",
        "    freedom = len(h) - 1\n",
        "tests/test_estimates.py::test_estimates_are_those_of_r_survey",
    ),
    Fault(
        "the effective sample is not corrected for degrees of freedom",
        "queries/estimates.py",
        "    effective *= (_t(confidence, n - 1) / _t(confidence, freedom)) ** 2\n",
        "",
        "tests/test_estimates.py::test_estimates_are_those_of_r_survey",
    ),
    Fault(
        "each PEC counts once, however many it stands for",
        "queries/estimates.py",
        "weight = (size / reports)[h]",
        "weight = np.ones(len(h))",
        "tests/test_estimates.py::test_each_pec_stands_for_the_pecs_of_its_stratum_over_those_that_reported",
    ),
    Fault(
        "a rate that falls narrows the interval",
        "queries/light.py",
        "term = abs(shift) + 2 * missing",
        "term = shift + 2 * missing",
        "tests/test_light.py::test_drift_is_the_slope_of_the_rate_on_the_order_of_receipt_within_strata",
    ),
    Fault(
        "95 of 100 are not 95%",
        "queries/light.py",
        "return ceil(round(share * of, 9))",
        "return ceil(share * of)",
        "tests/test_light.py::test_95_of_100_are_95_percent",
    ),
    Fault(
        "a stratum must lack nothing",
        "queries/light.py",
        "min(needs(stratum_share, of), of - spare)",
        "needs(stratum_share, of)",
        "tests/test_light.py::test_a_stratum_may_lack_two_reports_or_a_share_but_never_all",
    ),
    Fault(
        "a red light has a number",
        "queries/turnout.py",
        '"value": None if shown.light == "red" else value,',
        '"value": value,',
        "tests/test_turnout.py::test_a_red_light_has_no_number_anywhere_but_says_why[sqlite]",
    ),
    Fault(
        "a list's share is of the ballots found",
        "queries/quick_count.py",
        '((item.id, "valid") for item in contest.lists)',
        '((item.id, "found") for item in contest.lists)',
        "tests/test_quick_count.py::test_a_share_is_votes_over_ballots_each_pec_as_many_times_as_it_stands_for",
    ),
    # what came, and when
    Fault(
        "a checklist is late when it is due, without its grace",
        "queries/states.py",
        'rows["late_from_at"] < m.at,',
        'rows["due_at"] < m.at,',
        "tests/test_coverage.py::test_a_checklist_that_does_not_come_turns_due_then_late_then_lost",
    ),
    Fault(
        "a checklist is never lost",
        "queries/states.py",
        'rows["asked_until_at"] < m.at,',
        'rows["asked_until_at"] < rows["opens_at"],',
        "tests/test_coverage.py::test_a_checklist_that_does_not_come_turns_due_then_late_then_lost",
    ),
    Fault(
        "incomplete comes before conflict",
        "queries/states.py",
        'rows["conflict"].eq(True),',
        'rows["conflict"].eq(True) & (rows["answered"] >= rows["required"]),',
        "tests/test_coverage.py::test_conflict_comes_before_incomplete",
    ),
    Fault(
        "the filter by district is ignored",
        "queries/states.py",
        '(("form", form), ("region", region), ("district", district))',
        '(("form", form), ("region", region))',
        "tests/test_coverage.py::test_the_filters_go_by_the_frame",
    ),
    Fault(
        "an hour stands beside the commission's latest, not the same hour's",
        "queries/turnout.py",
        'both = found.astype(dict.fromkeys(keys, "str")).merge(commission, on=keys, how="left")',
        'both = found.astype(dict.fromkeys(keys, "str"))\n'
        '    latest = commission.drop_duplicates([k for k in keys if k != "hour"], keep="last").drop(columns="hour")\n'
        '    both = both.merge(latest, on=[k for k in keys if k != "hour"], how="left")',
        "tests/test_turnout.py::TestBesideTheCommission::"
        "test_an_hour_is_compared_with_the_same_hour_and_never_with_the_latest",
    ),
    Fault(
        "a count that fell is what the next one is held against",
        "queries/counts.py",
        "if number == number and not fell[-1]:",
        "if number == number:",
        "tests/test_turnout.py::test_a_count_that_falls_is_flagged_and_left_out_until_somebody_accepts_it",
    ),
    # held against the commission
    Fault(
        "a copy that was not obtained is compared",
        "queries/protocol_fields.py",
        '        np.broadcast_to(copy_states == "not_obtained", number.shape),\n'
        '        (copy_states != "obtained") | np.isnan(number),\n',
        "        np.zeros(number.shape, dtype=bool),\n        np.isnan(number),\n",
        "tests/test_comparison.py::test_a_copy_that_was_not_obtained_is_never_equal",
    ),
    Fault(
        "a figure outside the interval is inside",
        "queries/held.py",
        "beyond = max(low - published, published - high)",
        "beyond = min(low - published, published - high)",
        "tests/test_comparison.py::test_level_2_finds_votes_that_went_from_one_list_to_another",
    ),
    Fault(
        "a part of the commission's total is taken for the total",
        "queries/held.py",
        'pd.isna(row["published"]) or row["published_pecs"] < least * row["published_of"]',
        'pd.isna(row["published"])',
        "tests/test_comparison.py::test_level_2_compares_with_no_part_of_the_total",
    ),
    # checks
    Fault(
        "the narrower of two tolerances is used",
        "queries/checks_a.py",
        "over = np.maximum(within.share * np.abs(right), within.least)",
        "over = np.minimum(within.share * np.abs(right), within.least)",
        "tests/test_checks.py::test_a_pec_may_get_two_ballots_more_than_voters_or_a_thousandth_more",
    ),
    Fault(
        "a table is held against PECs that are still coming in",
        "queries/checks_totals.py",
        "if not quiet and (not said or not still.stood_around_pecs(row)):",
        "if not quiet and not said:",
        "tests/test_checks.py::test_a_correction_between_pecs_and_table_is_no_contradiction",
    ),
    Fault(
        "a change after the manual protocol is called one before it",
        "queries/feed.py",
        "and h.load_from + 0 < e.load) then 1",
        "and h.load_from + 0 > e.load) then 1",
        "tests/test_feed.py::test_a_machine_count_is_changed_before_or_after_the_manual_protocol",
    ),
    Fault(
        "a total that grows with the PECs is called changed",
        "queries/feed.py",
        "where line = 'pecs' and unit = 'number' and to_value > from_value",
        "where line = 'pecs' and unit = 'number' and to_value < from_value",
        "tests/test_feed.py::test_a_table_that_grows_with_the_pecs_is_no_change_but_one_that_falls_is",
    ),
    # the embargo
    Fault(
        "to look at tomorrow lifts the embargo today",
        "queries/embargo.py",
        "min(m.at, clock.now()) >= end",
        "m.at >= end",
        "tests/test_embargo.py::test_a_moment_that_has_not_come_lifts_nothing",
    ),
    Fault(
        "valid and invalid ballots are not under embargo",
        "queries/embargo.py",
        '_CAST = ("valid", "invalid")',
        "_CAST = ()",
        "tests/test_embargo.py::test_before_the_embargo_ends_no_figure_has_observers_votes",
    ),
    Fault(
        "the command line forgets the embargo",
        "queries/__main__.py",
        "return rows if asked.embargoed else seen(m, rows), Embargo",
        "return rows, Embargo",
        "tests/test_embargo.py::test_before_the_embargo_ends_no_figure_has_observers_votes",
    ),
    Fault(
        "a message that was set aside tells its words",
        "queries/embargo.py",
        'place == "obs_message" or (place == "obs_answer"',
        '(place == "obs_answer"',
        "tests/test_embargo.py::test_a_message_that_was_set_aside_keeps_its_words_to_itself",
    ),
    # people
    Fault(
        "names and telephones are in a figure that nobody asked for them",
        "queries/unreported.py",
        "contacts: bool = False,",
        "contacts: bool = True,",
        "tests/test_coverage.py::TestUnreported::test_it_names_codes_and_nobody_by_name_or_telephone",
    ),
    Fault(
        "whom to ring, with telephones, stands on another page",
        "pages/equipment.py",
        "    shell.live(_timelines)\n",
        "    shell.live(_timelines)\n    from pages import ring\n\n    shell.live(ring.to_ring)\n",
        "tests/test_pages.py::test_telephones_stand_on_no_other_page[equipment]",
    ),
    Fault(
        "the log quotes the row that a loader failed on",
        "loaders/source.py",
        '"".join(traceback.format_tb(error.__traceback__))',
        '"".join(traceback.format_exception(error))',
        "tests/test_schedule.py::test_a_fault_of_the_loader_is_written_down_without_the_words_of_a_row[sqlite]",
    ),
    Fault(
        "a second telephone stands in the archive",
        "loaders/source.py",
        '"phone", "backup_phone", "sender"',
        '"phone", "sender"',
        "tests/test_observation.py::test_rows_are_archived_without_names_and_telephones",
    ),
    Fault(
        "a person decides without a reason",
        "store/decisions.py",
        "    if not why.strip():\n",
        "    if why is None:\n",
        "tests/test_refused.py::test_nobody_accepts_without_a_name_and_a_reason",
    ),
    Fault(
        "a bulk overturns what somebody else has decided meanwhile",
        "store/decisions.py",
        "d.load > known",
        "d.load < 0",
        "tests/test_meanwhile.py::test_taking_a_bulk_back_leaves_what_was_decided_later[sqlite]",
    ),
    # the door
    Fault(
        "a foreign name that begins like ours is let in",
        "pages/door.py",
        "if _name(host) not in _NAMES:",
        "if not _name(host).startswith(tuple(_NAMES)):",
        "tests/test_server.py::test_another_name_than_this_machines_is_refused",
    ),
    Fault(
        "an address of the local network counts as this machine",
        "pages/door.py",
        "return bool((mapped or ip).is_loopback)",
        "return bool((mapped or ip).is_private)",
        "tests/test_server.py::test_any_other_address_is_not",
    ),
    Fault(
        "a spreadsheet runs a cell of the CSV",
        "queries/export.py",
        'normalize("NFKC", first) in ("=",',
        'normalize("NFKC", first) in (',
        "tests/test_figures.py::test_csv_is_for_spreadsheets_and_runs_nothing_in_them",
    ),
    Fault(
        "an observer's words are drawn as markup",
        "pages/reports.py",
        "{escape(words.quoted(description))}",
        "{words.quoted(description)}",
        "tests/test_pages.py::test_an_observers_words_are_drawn_as_text",
    ),
    # the store
    Fault(
        "an old version is overwritten, not ended",
        "store/loading.py",
        'table.update().where(table.c.id == sa.bindparam("version")).values(load_to=self.id),',
        'table.delete().where(table.c.id == sa.bindparam("version")),',
        "tests/test_store.py::test_as_of_a_time_shows_the_store_as_it_stood_then[sqlite]",
    ),
    Fault(
        "what is withdrawn stays current",
        "store/loading.py",
        'self._close(table, [r["id"] for r in ended])',
        "self._close(table, [])",
        "tests/test_store.py::test_a_withdrawn_key_is_gone_from_now_on_and_there_before[sqlite]",
    ),
    Fault(
        "a poll that finds nothing moves the data's version",
        "store/loading.py",
        '("changed", "derived", "withdrawn"))',
        '("changed", "unchanged", "derived", "withdrawn"))',
        "tests/test_store.py::test_a_load_that_finds_nothing_new_leaves_no_trace[sqlite]",
    ),
    Fault(
        "a load is known from its start on, before it was committed",
        "queries/moment.py",
        "where committed_at <= :until",
        "where started_at <= :until",
        "tests/test_store.py::test_a_clock_that_steps_back_does_not_reorder_history[sqlite]",
    ),
    Fault(
        "a clock that steps back reorders history",
        "store/loading.py",
        "return last if last and timedelta() < last - now < clock.PUT_RIGHT else now",
        "return now",
        "tests/test_store.py::test_a_clock_that_steps_back_does_not_reorder_history[sqlite]",
    ),
    Fault(
        "a clock that was a day ahead dates all that comes after it",
        "store/loading.py",
        "timedelta() < last - now < clock.PUT_RIGHT",
        "timedelta() < last - now",
        "tests/test_store.py::test_a_clock_that_was_a_day_ahead_poisons_nothing_when_it_is_put_right[sqlite]",
    ),
    Fault(
        "a page out of a cache tells the time",
        "loaders/commission.py",
        "bool(then and memory.said_at and then > memory.said_at), then",
        "True, then",
        "tests/test_clocks.py::test_a_site_is_held_against_this_machine_and_a_cache_is_not[sqlite]",
    ),
    Fault(
        "a sampled PEC may move to another stratum",
        "queries/frame.py",
        "where n.pec = o.pec and n.in_sample = 1 and n.stratum = o.stratum)",
        "where n.pec = o.pec and n.in_sample = 1)",
        "tests/test_frame.py::test_a_sampled_pec_that_is_not_what_was_drawn_is_told[sqlite-told1-wrong1]",
    ),
    Fault(
        "a correction soon after is a late change",
        "queries/bursts.py",
        "o.load_from < a.load_from and b.committed_at <= l.at - :late)",
        "o.load_from < a.load_from)",
        "tests/test_bursts.py::test_a_correction_soon_after_is_no_late_change[sqlite-False]",
    ),
    Fault(
        "a source of which nothing can be used is in order",
        "loaders/schedule.py",
        "if now.rows > 1 and now.rows == now.of:",
        "if now.rows < 0:",
        "tests/test_rejected.py::test_a_source_of_which_nothing_can_be_used_is_in_error[sqlite]",
    ),
    Fault(
        "an answer that was set aside with its report is about nobody",
        "loaders/intake.py",
        "[bad(ANSWER, raw, wrong, about) for",
        "[bad(ANSWER, raw, wrong) for",
        "tests/test_rejected.py::test_they_name_pec_and_observer[sqlite]",
    ),
    Fault(
        "what is red ends the command like what is not",
        "queries/__main__.py",
        'return int(asked.figure == "health" and health.is_red(m))',
        "return 0",
        "tests/test_rejected.py::test_health_on_the_command_line_ends_with_1_where_something_is_red",
    ),
    Fault(
        "a migration forgets that a feed answers a poll once",
        "store/migrations/versions/0003_feeds_of_a_poll.py",
        '["poll", "feed"], unique=True)',
        '["poll", "feed"], unique=False)',
        "tests/test_store.py::test_the_migrated_store_is_the_one_that_the_code_describes[sqlite]",
    ),
    Fault(
        "a migration forgets a column",
        "store/migrations/versions/0002_refusals_and_results.py",
        '        sa.Column("largest", sa.Float(), nullable=True),\n',
        "",
        "tests/test_store.py::test_the_migrated_store_is_the_one_that_the_code_describes[sqlite]",
    ),
    Fault(
        "a migration loses the frame",
        "store/migrations/versions/0003_feeds_of_a_poll.py",
        "def upgrade() -> None:\n",
        'def upgrade() -> None:\n    op.execute("delete from pec")\n',
        "tests/test_store.py::test_a_store_of_every_released_revision_is_migrated_with_its_data",
    ),
    Fault(
        "the rehearsed clock ignores its speed",
        "store/clock.py",
        "(_real_now() - self.real_at) * self.speed",
        "(_real_now() - self.real_at)",
        "tests/test_store.py::test_the_rehearsed_clock_runs_at_its_speed_and_stands_still_when_paused",
    ),
    # the loaders
    Fault(
        "rows of the same time are lost between two pages",
        "loaders/contract.py",
        "return sa.and_(column >= value, sa.or_(column > value, _after(order[1:], last[1:])))",
        "return column > value",
        "tests/test_observation.py::test_rows_that_share_a_time_are_not_lost_at_the_border_of_a_page",
    ),
    Fault(
        "what was set aside loses its text",
        "loaders/source.py",
        '"raw": self.raw,',
        '"raw": "{}",',
        "tests/test_observation_bad.py::test_a_bad_report_is_set_aside_with_its_answers_and_good_ones_load",
    ),
    Fault(
        "an answer to a question that nobody knows disappears",
        "loaders/rows.py",
        '        raise Wrong("unknown_question", "question", name)\n',
        "        return None\n",
        "tests/test_observation_bad.py::test_what_was_set_aside_loads_after_the_configuration_was_mended",
    ),
    Fault(
        "a withdrawn report stays",
        "loaders/intake.py",
        "ended = self.load.withdraw(t.report, [(source, r) for r in withdrawn if r not in waiting])",
        "ended = self.load.withdraw(t.report, [])",
        "tests/test_observation.py::test_a_deleted_report_is_withdrawn_with_its_answers",
    ),
    Fault(
        "a site in trouble is asked as often as before",
        "loaders/asking.py",
        "* 2 ** min(patience.failures - 2, 10)",
        "* 0",
        "tests/test_commission.py::test_after_errors_in_a_row_it_is_asked_less_and_less_often",
    ),
    Fault(
        "an empty page withdraws all that was published",
        "loaders/losses.py",
        "or len(vanished | loss.keys) == of > 1",
        "or len(vanished | loss.keys) > of",
        "tests/test_observation.py::test_a_small_view_that_is_suddenly_empty_is_no_withdrawal_either",
    ),
    Fault(
        "two processes poll the same store",
        "loaders/runner.py",
        "select pg_try_advisory_lock(:key)",
        "select pg_try_advisory_lock_shared(:key)",
        "tests/test_schedule.py::test_one_of_several_polls_a_store_and_another_takes_over[postgres]",
    ),
    Fault(
        "two processes poll the same SQLite file",
        "loaders/runner.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/test_schedule.py::test_one_of_several_polls_a_store_and_another_takes_over[sqlite]",
    ),
    Fault(
        "a page is taken for the same as long as its site says so",
        "loaders/commission.py",
        "return len(last) == others and not any(last)",
        "return False",
        "tests/test_commission.py::test_a_site_that_says_the_same_for_ever_hides_a_change_for_ten_minutes_at_most"
        "[sqlite-True]",
    ),
    Fault(
        "a site's cookies are kept and sent back",
        "loaders/asking.py",
        "DefaultCookiePolicy(allowed_domains=())",
        "DefaultCookiePolicy()",
        "tests/test_commission_bad.py::test_no_header_stops_a_feed_or_another_one"
        "[sqlite-a cookie that cannot be sent back]",
    ),
    Fault(
        "a page of rows that bring nothing keeps out the good one after it",
        "loaders/vanished.py",
        "if lines and row not in self.now}",
        "if row not in self.now}",
        "tests/test_commission_bad.py::test_a_page_of_rows_that_bring_nothing_does_not_keep_out_the_good_one_after_it"
        "[sqlite]",
    ),
    Fault(
        "figures of the commission go little by little",
        "loaders/vanished.py",
        "loads.committed_at > since,",
        "loads.committed_at < since,",
        "tests/test_refused.py::test_what_goes_little_by_little_within_an_hour_is_refused_like_what_goes_at_once[sqlite]",
    ),
    Fault(
        "what a person accepted of the commission is counted again",
        "loaders/figures.py",
        'load.cursor[self.feed.id]["accepted"] = load.id',
        'load.cursor[self.feed.id]["accepted"] = 0',
        "tests/test_refused.py::test_what_a_person_accepted_is_not_counted_again[sqlite-on the page]",
    ),
    Fault(
        "who accepts what went of the commission's accepts what else goes",
        "loaders/figures.py",
        "self.refusal.goes in (lost.hash, lost.hash_with(self._gone()))",
        "self.refusal.goes > ''",
        "tests/test_refused.py::test_if_something_else_goes_by_now_than_a_person_saw_it_is_not_taken_but_told_anew"
        "[sqlite-False-before it was taken]",
    ),
    Fault(
        "a mended configuration knows nothing of what stands",
        "loaders/commission.py",
        "figures=self._standing(conn, feed)",
        "figures={}",
        "tests/test_refused.py::test_a_page_that_another_configuration_reads_is_held_against_all_that_stands"
        "[sqlite-PECs-30 of 60 rows vanished-another name of the list]",
    ),
    Fault(
        "a page that was taken in part is taken for the one before",
        "loaders/commission.py",
        'for k, v in own.items() if k != "mapping"}',
        "for k, v in own.items()}",
        "tests/test_commission_bad.py::"
        "test_of_a_page_that_was_taken_in_part_nothing_stays_when_the_page_is_as_it_was"
        "[sqlite-the process is killed]",
    ),
    Fault(
        "a line of the commission's vanishes whole",
        "loaders/vanished.py",
        "some in (over, gone, had))",
        "some in ((), gone, had))",
        "tests/test_refused.py::test_all_of_one_line_or_list_is_much_though_it_is_little_of_all[sqlite-invalid-invalid]",
    ),
    Fault(
        "each process may ask as often as the ceiling says",
        "loaders/ceiling.py",
        "recent = sa.and_(r.source == source,",
        "recent = sa.and_(r.source == source, r.turn == turn,",
        "tests/test_commission.py::test_the_ceiling_is_of_all_processes_together[sqlite]",
    ),
    Fault(
        "a poll that was not made is not written down",
        "loaders/schedule.py",
        "if behind >= interval and behind.total_seconds()",
        "if behind > 1_000 * interval and behind.total_seconds()",
        "tests/test_schedule.py::test_a_source_that_takes_longer_than_its_interval_is_not_asked_twice_at_a_time"
        "_and_misses_are_written_down[sqlite]",
    ),
    Fault(
        "a new load does not make a new snapshot",
        "queries/snapshot.py",
        "return self.moment.load, int(self.moment.at.timestamp() // 60)",
        "return 0, int(self.moment.at.timestamp() // 60)",
        "tests/test_snapshot.py::test_without_a_keeper_the_present_is_looked_up",
    ),
    # configuration and rehearsal
    Fault(
        "more PECs are drawn than a stratum has, and nobody says so",
        "elections/fits.py",
        "if stratum.sampled > stratum.pecs:",
        "if stratum.sampled < 0:",
        "tests/test_config.py::test_a_mistake_is_told_by_file_and_field",
    ),
    Fault(
        "one incident of the afternoon is missing in the rehearsal",
        "rehearsal/incidents.py",
        "_BY_16 = 33",
        "_BY_16 = 32",
        "tests/test_rehearsal_totals.py::test_by_16_00_there_are_33_incident_reports_of_the_day_two_of_them_critical",
    ),
    # words and charts
    Fault(
        "a Russian plural is wrong",
        "locale/ru/LC_MESSAGES/baikoo.po",
        'msgstr[2] "{n} смен"',
        'msgstr[2] "{n} смены"',
        "tests/test_words.py::test_plurals_follow_the_language",
    ),
    Fault(
        "a word is not said in Kyrgyz",
        "locale/ky/LC_MESSAGES/baikoo.po",
        'msgid "Coverage"\nmsgstr "Камтуу"',
        'msgid "Coverage"\nmsgstr ""',
        "tests/test_words.py::test_every_word_on_the_screen_has_its_translation",
    ),
    Fault(
        "a percentage stands without its fraction",
        "pages/words.py",
        'return f"{percent(value, digits)} ({fraction(count, of)})"',
        "return percent(value, digits)",
        "tests/test_words.py::test_numbers_are_written_as_the_language_writes_them",
    ),
    Fault(
        "thousands are parted by a wide space",
        "pages/words.py",
        '_THIN = "\\u202f"',
        '_THIN = "\\u00a0"',
        "tests/test_words.py::test_numbers_are_written_as_the_language_writes_them",
    ),
    Fault(
        "the axis of estimates begins at zero",
        "pages/charts_estimates.py",
        "domain=_around(rows, national), nice=False, zero=False",
        "domain=_around(rows, national), nice=False",
        "tests/test_charts.py::test_the_axis_of_estimates_begins_where_the_whiskers_do",
    ),
    Fault(
        "late has the colour of due",
        "pages/colours.py",
        '"late": "#D55E00",\n    "lost"',
        '"late": "#56B4E9",\n    "lost"',
        "tests/test_charts.py::test_each_state_light_and_severity_has_a_colour_of_its_own",
    ),
    Fault(
        "a chart shows the hours of another zone",
        "pages/charts.py",
        "    then = words.local(at)\n",
        "    then = at\n",
        "tests/test_charts.py::test_times_stand_on_the_axis_as_the_clock_of_the_election_shows_them",
    ),
    # parts of pages
    _part("coverage", "_bars", "tests/test_pages.py::test_a_late_pec_stands_on_the_list_with_whom_to_ring"),
    _part("incidents", "_by_hour", "tests/test_pages.py::test_an_observers_words_are_drawn_as_text"),
    _part("equipment", "_timelines", "tests/test_pages.py::test_telephones_stand_on_no_other_page[equipment]"),
    _part("procedures", "_to_come", "tests/test_pages_procedures.py::test_an_amber_light_says_preliminary_and_why"),
    _part("turnout", "_contests", "tests/test_pages.py::test_telephones_stand_on_no_other_page[turnout]"),
    _part("results", "_contests", "tests/test_pages.py::test_telephones_stand_on_no_other_page[results]"),
    _part("comparison", "_sums", "tests/test_pages_feed.py::test_no_part_is_broken_in_any_language_at_any_hour"),
    _part(
        "feed", "_turned", "tests/test_pages_feed.py::test_the_feed_says_what_contradicts_itself_with_its_arithmetic"
    ),
    _part("pec", "_panel", "tests/test_pages.py::test_a_page_is_drawn_before_anything_has_come[pec]"),
    _part(
        "overview",
        "_figures",
        "tests/test_pages_room.py::test_an_election_with_other_devices_has_an_overview_in_every_phase",
    ),
    Fault(
        "a page of another port is let in",
        "pages/door.py",
        'if origin != f"http://{host.strip().lower()}":',
        'if "evil" in origin:',
        "tests/test_server.py::test_no_page_but_ours_opens_the_websocket_or_reads_an_answer",
    ),
    Fault(
        "what a form says out of sight is said nowhere else",
        "pages/pulse.js",
        "one.textContent.includes(text) && bottom > 0 && top < innerHeight - 20",
        "one.textContent.includes(text)",
        "tests/test_deciding.py::"
        "test_a_decision_that_waits_is_told_and_so_is_its_failure_though_the_page_was_drawn_anew",
    ),
    Fault(
        "a page that goes while it is spoken to is told as a fault of ours",
        "pages/door.py",
        "except WebSocketDisconnected:",
        "except WebSocketDisconnect:",
        "tests/test_server.py::test_a_page_that_goes_while_it_is_spoken_to_is_no_fault",
    ),
    Fault(
        "everybody behind a proxy is let in",
        "pages/door.py",
        'r"(x-)?forward.*|',
        'r"(x-)?forwarded-by|',
        "tests/test_server.py::test_nobody_comes_in_through_a_proxy[X-Forwarded-For]",
    ),
    Fault(
        "a validator is kept that cannot be sent back",
        "loaders/commission.py",
        "if value and value.isascii() and",
        "if value and",
        "tests/test_commission_bad.py::test_no_header_stops_a_feed_or_another_one[sqlite-an ETag that is no text]",
    ),
    Fault(
        "an answer is unpacked as often as it says",
        "loaders/asking.py",
        'if encoding not in ("gzip", "x-gzip"):',
        'if "gzip" not in encoding:',
        "tests/test_commission_bad.py::test_an_answer_is_unpacked_once_and_to_a_limit[sqlite-packed twice]",
    ),
    Fault(
        "a fault in one feed ends the others",
        "loaders/commission.py",
        "except Exception as error:  # a fault of this loader in one feed",
        "except NotImplementedError as error:  # a fault",
        "tests/test_commission_bad.py::test_a_fault_of_the_loader_in_one_feed_does_not_end_the_others[sqlite]",
    ),
    Fault(
        "an interruption of one session is everybody's",
        "queries/once.py",
        "value.cancel()",
        "value.set_exception(error)",
        "tests/test_once.py::test_who_is_interrupted_while_they_make_it_interrupts_nobody_else[interruption1]",
    ),
    Fault(
        "a rehearsal writes into a real store",
        "store/owner.py",
        "if owner.rehearsal and found.rehearsal is False:",
        "if owner.rehearsal is None:",
        "tests/test_owner.py::test_an_older_store_tells_whose_it_is_by_what_came[sqlite-polled without one]",
    ),
    Fault(
        "a rehearsal takes the observers' database from the environment",
        "rehearsal/files.py",
        "observation = observation or",
        'observation = observation or __import__("os").environ.get("BAIKOO_OBSERVATION") or',
        "tests/test_owner.py::test_a_rehearsal_takes_nothing_from_the_environment",
    ),
    Fault(
        "the clock in a store moves a real election",
        "queries/moment.py",
        "clock.follow(engine if election.rehearsal else None)",
        "clock.follow(engine)",
        "tests/test_owner.py::test_no_row_moves_the_clock_of_a_real_election",
    ),
    Fault(
        "an incident that nobody sorted is hidden",
        "queries/incidents.py",
        'rows["unsorted"] = rows["why"].notna() & rows["decided"].isna()',
        'rows["unsorted"] = rows["why"].isna() & rows["decided"].isna()',
        "tests/test_unsorted.py::test_unsorted_ones_stand_first_and_those_of_known_observers_before_others",
    ),
    Fault(
        "a dismissed report still counts",
        "queries/incidents.py",
        'rows = rows[rows["decided"] != DISMISSED]',
        'rows = rows[rows["decided"] != OPEN]',
        "tests/test_unsorted.py::test_a_decision_counts_and_can_be_taken_back_and_the_past_stays",
    ),
    Fault(
        "an incident without a key is dropped",
        "loaders/rows.py",
        '({} if fact["incident"] else {"incident": NO_KEY + digest})',
        '({} if fact["incident"] else {"incident": NO_KEY})',
        "tests/test_unsorted.py::test_an_incident_without_a_key_is_loaded_once_and_stays[sqlite]",
    ),
    Fault(
        "a mark on everything withdraws it",
        "loaders/intake.py",
        "waiting = set(keys).difference(self.agreed.get(view.name, ()))",
        "waiting = set[str]()",
        "tests/test_losses.py::test_a_large_loss_waits_for_a_person_and_can_be_undone[sqlite-reports are marked]",
    ),
    Fault(
        "a third of a stratum's sample goes unasked",
        "loaders/losses.py",
        "sampled = [kind for kind in kinds if kind.startswith(held.SAMPLED)]",
        "sampled = list[str]()",
        "tests/test_losses.py::test_a_third_of_a_stratums_sample_waits_though_it_is_little_of_the_frame[sqlite]",
    ),
    Fault(
        "what went little by little within the hour is forgotten",
        "loaders/losses.py",
        "held.gone_since(conn, of_rows, self.source, since - TOGETHER)",
        "held.gone_since(conn, of_rows, self.source, clock.now())",
        "tests/test_losses.py::test_what_goes_little_by_little_waits_when_it_is_many_in_an_hour[sqlite]",
    ),
    Fault(
        "all of a region go at once, unasked",
        "loaders/held.py",
        'single = [f"region {region}", *',
        "single = [*",
        "tests/test_losses.py::test_all_of_a_region_or_a_severity_wait_though_they_are_few_of_all"
        "[all reports of a region]",
    ),
    Fault(
        "all incidents become yesterday's at once, unasked",
        "loaders/rows.py",
        "abs(now - before) >= _LONG",
        "abs(now - before) >= 90 * _LONG",
        "tests/test_losses.py::test_a_large_loss_waits_for_a_person_and_can_be_undone"
        "[sqlite-incidents become yesterday's]",
    ),
    Fault(
        "all counts become 0 at once, unasked",
        "loaders/held.py",
        'return bool(was["number"]) and now["number"] == 0',
        'return bool(was["number"]) and now["number"] is None',
        "tests/test_losses.py::test_many_fields_that_are_emptied_wait_for_a_person_and_stand_again_when_it_is_undone"
        "[sqlite-what answers count-True]",
    ),
    Fault(
        "what was accepted goes though another process counted more meanwhile",
        "loaders/losses.py",
        "or standing != {v: s.hash for v, s in self.stands.items()}",
        "or standing.keys() != self.stands.keys()",
        "tests/test_losses.py::test_what_was_accepted_does_not_go_where_another_process_has_counted_more_meanwhile[sqlite-_end]",
    ),
    Fault(
        "all incidents are played down at once, unasked",
        "loaders/rows.py",
        '"severity": step > 0,',
        '"severity": step > 2,',
        "tests/test_losses.py::test_a_large_loss_waits_for_a_person_and_can_be_undone[sqlite-incidents made minor]",
    ),
    Fault(
        "a page that the pulse finds half drawn stays so",
        "pages/pulse.py",
        "@st.fragment\ndef _button",
        "def _button",
        "tests/test_pulse.py::test_a_pulse_in_the_midst_of_the_first_drawing_leaves_no_part_out",
    ),
    Fault(
        "an edit without a new time never arrives",
        "loaders/observation.py",
        "was[key] != own.digests[key]}",
        "own.digests[key] is None}",
        "tests/test_contents.py::test_an_edit_without_a_new_time_comes_within_ten_polls_and_is_an_alarm[sqlite-answer]",
    ),
    Fault(
        "what an accepted loss took cannot come back",
        "store/loading.py",
        "where(table.c.load_to == ended,",
        "where(table.c.load_from == ended,",
        "tests/test_losses.py::test_a_large_loss_waits_for_a_person_and_can_be_undone[sqlite-incidents vanish]",
    ),
    Fault(
        "many fields are emptied, unasked",
        "store/loading.py",
        'return [name for name in table.info["told"] if says(was[name]) and not says(now[name])]',
        "return []",
        "tests/test_losses.py::test_many_fields_that_are_emptied_wait_for_a_person_and_stand_again_when_it_is_undone"
        "[sqlite-voters-True]",
    ),
    Fault(
        "a load is written by what was true before another process's",
        "store/loading.py",
        "if last_kept(self.conn, self.source)[0] != last:",
        "if last < 0:",
        "tests/test_contents.py::test_what_another_process_loads_in_the_midst_of_a_poll_and_is_put_back_comes_too"
        "[sqlite]",
    ),
    Fault(
        "what came back to the commission's page by itself can be undone",
        "store/taken.py",
        "and n.load_from >= p.load_to and n.load_from <= :load)",
        "and n.load_from < 0)",
        "tests/test_refused.py::test_what_came_back_by_itself_is_none_to_undo_and_nothing_is_undone_twice[sqlite]",
    ),
    Fault(
        "what was undone of the commission's is taken at the next poll",
        "store/decisions.py",
        'load.put(t.refusal, [waits | {"waits_from": load.id}], seen=False)',
        "pass",
        "tests/test_refused.py::test_what_was_accepted_can_be_undone_and_waits_for_a_person_again[-on the page-sqlite]",
    ),
    Fault(
        "a locked store is noticed by who wants to write alone",
        "store/writable.py",
        "if self.locked or now - self.busy[0] >= PATIENCE:",
        "if self.locked:",
        "tests/test_writable.py::test_a_lock_is_noticed_where_nobody_wants_to_write_and_is_as_old_as_the_first_look_at_it[sqlite]",
    ),
    Fault(
        "a press is forgotten where another run takes the place of its own",
        "pages/deciding.py",
        ", on_click=_press, args=(form,))",
        ")",
        "tests/test_deciding.py::test_wherever_a_run_is_superseded_its_press_is_kept_or_said_not_to_be",
    ),
    Fault(
        "a store can be read by all",
        "store/engine.py",
        "_OWNERS_ALONE = 0o600",
        "_OWNERS_ALONE = 0o644",
        "tests/test_secrets.py::test_a_store_is_its_owners_alone[open_store]",
    ),
    Fault(
        "a password is repeated where an address is none",
        "store/address.py",
        'raise BadAddress("no address of a database: postgresql://user:password@host/name, sqlite:///file") from None',
        'raise BadAddress(f"no address of a database: {address}") from None',
        "tests/test_secrets.py::test_no_command_tells_the_password_of_the_store[postgresql://u:topsecret-store]",
    ),
    Fault(
        "a page does not say that the server is silent",
        "pages/pulse.js",
        "const SILENT = 12_000;",
        "const SILENT = 12_000_000;",
        "tests/test_pulse.py::test_a_server_that_is_silent_is_told_on_the_page_and_is_forgotten_when_it_speaks",
    ),
    Fault(
        "a live part is left out of the pulse and loses its own look",
        "pages/shell.py",
        "pulse.follow(key)",
        'pulse.follow(key) if "strip" not in key else None',
        "tests/test_pulse.py::test_the_pulse_draws_every_live_part_again",
    ),
    Fault(
        "words of people are markdown in a caption",
        "pages/words.py",
        'return re.sub(r"([!-/:-@\\[-`{-~])", r"\\\\\\1", parted)',
        "return parted",
        "tests/test_verbatim.py::test_words_of_people_are_drawn_letter_for_letter",
    ),
    Fault(
        "a year that no election has breaks a page",
        "elections/config.py",
        "if abs(moment.year - self.date.year) > _YEARS:",
        "if moment.year < 0:",
        "tests/test_server.py::test_nothing_that_stands_in_the_address_breaks_a_page[0]",
    ),
)


def table(faults: Sequence[Fault] = FAULTS) -> str:
    """The list as Markdown."""
    rows = [f"| {f.name} | `{f.file}` | `{f.test}` |" for f in faults]
    return "\n".join(["| fault | planted in | caught by |", "| --- | --- | --- |", *rows])


def main() -> int:
    """0 where every fault is caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", help="plant this fault alone")
    parser.add_argument("--list", action="store_true", help="print the faults as a table")
    asked = parser.parse_args()
    faults = [f for f in FAULTS if asked.only is None or f.name in asked.only]
    if asked.list:
        print(table(faults))
        return 0
    if unknown := set(asked.only or ()) - {f.name for f in FAULTS}:
        parser.error(f"there is no fault {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "baikoo"
        shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
        unharmed = _run(copy, sorted({f.test for f in faults}), {})
        if unharmed.returncode:
            print(f"the tests fail already without a fault:\n{unharmed.stdout}")
            return 1
        missed = [fault for fault in faults if not _caught(copy, fault)]
    print(f"{len(faults) - len(missed)} of {len(faults)} caught")
    return 1 if missed else 0


def _caught(copy: Path, fault: Fault) -> bool:
    """Plant a fault, run its test, take it out again. A test that cannot be collected has caught nothing."""
    file = copy / fault.file
    before = file.read_text("utf-8")
    if before.count(fault.right) != 1:
        print(f"NOT PLANTED: {fault.name}: {fault.file} has {before.count(fault.right)} times: {fault.right}")
        return False
    try:
        file.write_text(before.replace(fault.right, fault.wrong), "utf-8")
        ran = _run(copy, [fault.test], {"PYTHONDONTWRITEBYTECODE": "1"})  # what was compiled unharmed stays
    finally:
        shutil.copy2(ROOT / fault.file, file)
    caught = ran.returncode == 1 and any(line.startswith("FAILED ") for line in ran.stdout.splitlines())
    print(f"{'caught' if caught else 'NOT CAUGHT'}: {fault.name}", flush=True)
    if not caught:
        print(ran.stdout)
    return caught


def _run(copy: Path, tests: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "-p", "no:cacheprovider", *tests]
    command += ["--basetemp", str(copy.parent / "tmp")]  # beside other runs of this machine
    return subprocess.run(command, cwd=copy, env={**os.environ, **environ}, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
