"""The dashboard's panes: what they say of a snapshot, at every size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alpaca_tui.generation.events import Money, StopReason, Verdict
from alpaca_tui.tui.screens.generate import panes
from tests.tui.fakes import NOON, snapshot, stream, task_view


def text(lines: list) -> str:
    return "\n".join(line.text for line in lines)


def test_the_header_says_state_teacher_progress_and_what_is_left() -> None:
    shown = text(panes.header(snapshot(), 110))
    assert "● Running" in shown
    assert "gpt-test-mini @ openai" in shown
    assert "132 of 300 kept  44 %  about 1 m 13 s left" in shown


def test_an_unknown_eta_is_called_unknown() -> None:
    assert "time left unknown" in text(panes.header(snapshot(eta_s=None), 110))


@pytest.mark.parametrize("reason", list(StopReason))
def test_an_ended_run_says_why_in_words(reason: StopReason) -> None:
    shown = text(
        panes.header(snapshot(state="stopped", stopped_because=reason, stop_detail="because\nso"), 110)
    )
    assert panes.words.STOP_WORDS[reason.value] in shown
    assert "because ⏎ so" in shown


def test_the_bar_is_as_long_as_what_is_kept() -> None:
    (done, _), (rest, _) = panes.bar(0.5, 40)
    assert (len(done), len(rest)) == (20, 20)
    assert panes.bar(1.0, 40) == (("█" * 40, "kept"),)
    assert panes.bar(0.0, 5) == (("", "kept"), ("─" * 5, "track"))


def test_unknown_money_is_never_shown_as_nothing() -> None:
    view = snapshot(money=Money(None, None, None, None, None))
    shown = text(panes.tiles(view, 112, 3))
    assert shown.count("unknown") == 2
    assert "$0" not in shown


def test_tiles_show_budget_reservation_and_slowing_down() -> None:
    view = snapshot(allowed=3, money=replace(snapshot().money, reserved=None))
    shown = text(panes.tiles(view, 112, 3))
    assert "8/3" in shown
    assert "slowed" in shown
    assert "$0.026 of $1.00" in shown


@pytest.mark.parametrize("width", [40, 78, 112, 190])
@pytest.mark.parametrize("height", [2, 3])
def test_tiles_fit(width: int, height: int) -> None:
    lines = panes.tiles(snapshot(), width, height)
    assert len(lines) == height
    assert all(line.width <= width for line in lines)


def test_a_card_shows_verdicts_the_reason_and_what_is_being_written() -> None:
    one = stream(7, 5, tail="### \n12. Instruction: Name a river that")
    shown = text(panes.streams([one], 100, 10, NOON + 9))
    assert "#7" in shown
    assert "9 s" in shown
    assert "≈ 0." in shown
    assert 'contains "map"' in shown
    assert "12 Name a river that▌" in shown


def test_many_streams_take_one_line_each_and_the_chosen_one_what_is_left() -> None:
    views = [stream(index, 3) for index in range(1, 9)]
    lines = panes.streams(views, 90, 12, NOON, chosen=5)
    assert len(lines) == 12
    assert [sum(line.key == index for line in lines) for index in range(1, 9)] == [1, 1, 1, 1, 5, 1, 1, 1]
    assert len(panes.streams(views, 90, 4, NOON)) == 8


def test_a_request_that_waits_says_why() -> None:
    waiting = replace(stream(3, 0, tail=""), waiting_s=4.2, problem="The server is busy (429).", attempt=2)
    shown = text(panes.streams([waiting], 100, 3, NOON))
    assert "▲ asking again in 4 s · The server is busy (429)." in shown
    assert "attempt 2" in shown


def test_a_duplicate_has_its_twin_and_score_beside_it() -> None:
    view = task_view(2, Verdict.DUPLICATE)
    line = panes.task_line(view, 100).text
    assert line.startswith(f"≈ {view.score:.2f}")
    assert "≈ " + view.twin[:20] in line
    assert panes.task_line(view, 100).width <= 100


def test_the_feed_is_newest_first_with_a_key_of_its_own_for_each() -> None:
    recent = snapshot().recent
    lines = panes.feed(recent, 90)
    assert recent[-1].task.instruction[:20] in lines[0].text
    assert len({line.key for line in lines}) == len(recent)


def test_feed_keys_stay_with_their_task_when_more_come() -> None:
    recent = snapshot().recent
    before = {line.key for line in panes.feed(recent, 90)}
    after = {line.key for line in panes.feed((*recent, task_view(99, Verdict.KEPT, completion=9)), 90)}
    assert before < after


def test_the_histogram_marks_the_threshold_and_colours_duplicates() -> None:
    lines = panes.histogram(snapshot().histogram, 0.7, 40, 8)
    assert len(lines) == 8
    styles = {style for line in lines[:-2] for part, style in line.spans if part.strip() and style != "faint"}
    assert styles == {"kept", "duplicate"}
    assert "0.70" in lines[-1].text
    assert lines[-2].text.index("↑") == 28


def test_the_histogram_of_nothing_says_so() -> None:
    assert "No candidate" in text(panes.histogram((0,) * 20, 0.7, 40, 8))
    assert panes.histogram(snapshot().histogram, 0.7, 5, 8) == []
    assert panes.histogram(snapshot().histogram, 0.7, 40, 2) == []


def test_verdicts_count_and_name_every_rule_that_rejected() -> None:
    lines = panes.verdicts(snapshot(), 42)
    shown = text(lines)
    assert "✓ kept" in shown
    assert "132" in shown
    assert "forbidden word" in shown
    assert "surplus" not in shown
    assert panes.VerdictKey("filtered", "too-long") in {line.key for line in lines}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.9, 0.6), "75 % kept lately still fresh"),
        ((0.9, *[0.2, 0.0] * 3), "8 % kept lately getting saturated"),
        ((0.9, *[0.0] * 5), "nearly saturated"),
        ((0.9, 0.9, 0.0), "still fresh"),
    ],
)
def test_acceptance_says_whether_the_well_runs_dry(values: tuple[float, ...], said: str) -> None:
    assert said in text(panes.acceptance(values, 40, 5))


def test_acceptance_fills_its_width_from_few_or_many_points() -> None:
    assert len(panes.resample([0.1, 0.9], 10)) == 10
    assert panes.resample([0.0] * 50 + [1.0] * 50, 10) == [0.0] * 5 + [1.0] * 5
    assert panes.acceptance((), 40, 5)[0].text == "Comes with the first answers."


def test_the_log_is_newest_first() -> None:
    lines = panes.log(snapshot().log, 100)
    assert [line.text.split("  ")[0][:8] for line in lines] == ["15:07:20", "15:07:01", "15:06:40"]
    assert "!" in lines[1].text
