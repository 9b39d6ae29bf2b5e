"""The parts of a run by themselves: the board of live streams, the counts, the judge, the endings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.generation.board import Board
from alpaca_tui.generation.counts import HISTOGRAM_BINS, Counts, bin_of
from alpaca_tui.generation.endings import ending, exit_code
from alpaca_tui.generation.events import StopReason, TaskView, Verdict
from alpaca_tui.generation.filters import FilterRules
from alpaca_tui.generation.judge import Judge, Judged
from alpaca_tui.generation.parser import Task
from alpaca_tui.generation.seeds import SeedTask
from alpaca_tui.generation.settings import GenerationSettings

BIRDS = "Name three birds that winter on the coast"
KNOTS = "Explain how a sailor ties a bowline knot"
BREAD = "Describe what makes sourdough bread rise slowly"


def task(instruction: str, output: str = "Here is a full answer.") -> Task:
    return Task(4, instruction, "", output)


def judge(threshold: float = 0.7) -> Judge:
    made = Judge(FilterRules(), threshold)
    made.add_seeds([SeedTask("s1", "", BIRDS, "", "x", False)])
    return made


def verdicts(judged: list[Judged]) -> list[str]:
    return [item.verdict.value for item in judged]


def test_candidates_of_one_completion_are_compared_with_each_other() -> None:
    result = judge().judge([task(KNOTS), task(KNOTS), task(BIRDS), task("Too short")], None)
    assert verdicts(result) == ["kept", "duplicate", "duplicate", "filtered"]
    assert result[1].novelty is not None
    assert result[1].novelty.score == 1.0
    assert result[3].rule == "too-short"


def test_beyond_the_room_what_is_new_is_surplus_and_stays_out_of_the_pool() -> None:
    made = judge()
    assert verdicts(made.judge([task(KNOTS), task(BREAD), task(BREAD)], 1)) == ["kept", "surplus", "surplus"]
    assert verdicts(made.judge([task(BREAD)], 1)) == ["kept"]


def test_a_cut_off_task_is_never_kept() -> None:
    cut = Task(4, KNOTS, "", "It goes aro", truncated=True)
    assert verdicts(judge().judge([cut, task(KNOTS)], None)) == ["truncated", "kept"]


def test_a_preview_changes_nothing() -> None:
    made = judge()
    size = len(made)
    assert made.preview(task(KNOTS)).verdict is Verdict.KEPT
    assert len(made) == size
    assert verdicts(made.judge([task(KNOTS)], None)) == ["kept"]


def test_the_threshold_counts_from_then_on() -> None:
    made = judge(threshold=1.0)
    assert verdicts(made.judge([task(BIRDS)], None)) == ["kept"]
    made.threshold = 0.7
    assert verdicts(made.judge([task(BIRDS)], None)) == ["duplicate"]


@given(st.floats(0, 1))
def test_every_score_has_a_bar(score: float) -> None:
    number = bin_of(score)
    assert 0 <= number < HISTOGRAM_BINS
    assert number / HISTOGRAM_BINS <= score


def kept(number: int) -> list[Judged]:
    return [Judged(task(KNOTS), Verdict.KEPT) for _ in range(number)]


def test_saturation_needs_two_hundred_in_a_row() -> None:
    counts = Counts()
    counts.add_completion([Judged(task(KNOTS), Verdict.DUPLICATE)] * 199)
    assert not counts.saturated
    counts.add_completion(kept(1))
    counts.add_completion([Judged(task(KNOTS), Verdict.FILTERED, "too-long")] * 199)
    assert not counts.saturated
    counts.add_completion([Judged(task(KNOTS), Verdict.TRUNCATED)])
    assert counts.saturated
    assert counts.filtered == {"too-long": 199}


def test_the_curve_of_acceptance_ends_where_the_goal_was_reached() -> None:
    counts = Counts()
    dull = [Judged(task(KNOTS), verdict) for verdict in (Verdict.DUPLICATE, Verdict.TRUNCATED)]
    counts.add_completion([*kept(3), *dull])
    counts.add_completion([*dull, Judged(task(KNOTS), Verdict.SURPLUS)])
    assert list(counts.acceptance) == [0.75]


def test_the_pace_is_over_the_last_minute_or_the_run_so_far() -> None:
    now = [1000.0]
    counts = Counts(clock=lambda: now[0])
    now[0] += 10
    counts.add_completion(kept(20))
    assert counts.tasks_per_min() == 120
    now[0] += 50
    assert counts.tasks_per_min() == 20
    now[0] += 30
    counts.add_completion(kept(40))
    assert counts.tasks_per_min() == 40


def test_failing_is_more_than_half_of_the_last_twenty_or_the_first_eight() -> None:
    early = Counts()
    for _ in range(7):
        early.add_failure()
    assert not early.failing
    early.add_completion([])
    assert early.failing
    late = Counts()
    for _ in range(10):
        late.add_completion(kept(1))
    for _ in range(10):
        late.add_failure()
    assert not late.failing
    late.add_failure()
    assert late.failing


def test_the_expected_yield_follows_the_answers() -> None:
    counts = Counts()
    assert counts.kept_per_completion(12) == 12
    for _ in range(50):
        counts.add_completion(kept(4))
    assert 4 <= counts.kept_per_completion(12) < 4.5
    for _ in range(5000):
        counts.add_completion([])
    assert counts.kept_per_completion(12) >= 0.25


def test_the_board_parses_what_streams_and_forgets_a_broken_attempt() -> None:
    now = [100.0]
    board = Board(clock=lambda: now[0])
    board.started(7, 1, 3)
    text = f"4. Instruction: {KNOTS}\n4. Input:\n<noinput>\n4. Output:\nUp, round, back.\n###\n5. Instruction: {BREAD}\n"
    for character in text:
        board.delta(7, character)
    assert board.streams()[0].characters == 0, "nothing is parsed on the scheduler's thread"
    board.pump(lambda t, number: TaskView(t, Verdict.KEPT, provisional=True, completion_id=number))
    [stream] = board.streams()
    assert [view.task.instruction for view in stream.tasks] == [KNOTS]
    assert stream.characters == len(text)
    board.retrying(7, "The connection broke.", 2.0)
    [stream] = board.streams()
    assert (stream.tasks, stream.characters, stream.attempt, stream.waiting_s) == ((), 0, 2, 2.0)
    board.delta(99, "of a stream that has ended")
    board.ended(7)
    assert board.streams() == ()


def test_the_board_is_bounded() -> None:
    board = Board()
    board.judged([TaskView(task(KNOTS), Verdict.KEPT)] * 5000)
    for _ in range(5000):
        board.log("note", "again")
    assert len(board.recent()) <= 200
    assert len(board.log_lines()) <= 200


@pytest.mark.parametrize("reason", [*StopReason, None])
def test_every_ending_has_words_and_a_code(reason: StopReason | None) -> None:
    assert ending(reason, "Because.").endswith("Because.")
    assert exit_code(reason) in (0, 1, 3, 130)


def test_exit_codes_tell_limits_from_faults() -> None:
    assert [exit_code(reason) for reason in (StopReason.GOAL, StopReason.BUDGET, StopReason.TOKENS)] == [
        0,
        3,
        3,
    ]
    assert exit_code(StopReason.FATAL) == exit_code(StopReason.SATURATED) == 1


def test_settings_survive_the_store() -> None:
    chosen = GenerationSettings.build(
        goal=5, price=(0.15, 0.6), temperature=None, filters=FilterRules(off=("too-long",)), parser="faithful"
    )
    assert GenerationSettings.from_json(chosen.to_json()) == chosen
    assert chosen.filter_rules().mode == "faithful"
