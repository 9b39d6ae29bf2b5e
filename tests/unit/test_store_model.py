"""The store against a plain-Python model of it, under any sequence of what a run, a person and a crash do."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alpaca_tui.store.rows import CandidateIn, ImportedRow, Rejudged
from alpaca_tui.store.store import Store
from tests.support.stores import assert_counters_true, begin, fail, finish

BY_HAND = 1 << 30
TEXTS = st.sampled_from(["a", "b", "c", "Ünï ✓", "nul\x00", "half \ud800", "\ud83d\ude00"])
CLEAN = {"half \ud800": "half \ufffd", "\ud83d\ude00": "\U0001f600"}
SCORES = st.sampled_from([None, 0.0, 0.29, 0.5, 0.7, 0.71, 1.0])
RULES = st.sampled_from(["too-short", "forbidden-word"])


@st.composite
def readings(draw):
    """What a parser and rules could make of an answer."""
    result: list[CandidateIn] = []
    for position in range(draw(st.integers(0, 5))):
        verdict = draw(st.sampled_from(["kept", "kept", "duplicate", "filtered", "truncated", "surplus"]))
        result.append(
            CandidateIn(
                position,
                position + 1,
                draw(TEXTS),
                draw(st.sampled_from(["", "in"])),
                "out",
                verdict,
                rule=draw(RULES) if verdict == "filtered" else None,
                score=draw(SCORES),
            )
        )
    return result


@dataclass
class Completion:
    id: int
    state: str = "in_flight"
    order: int = 0
    text: str = ""
    judged: bool = False
    cost: float = 0.0


@dataclass
class Row:
    """A candidate, with the row of the dataset it has, had or never had."""

    id: int
    completion: int
    reading: CandidateIn
    rescued: bool = False
    superseded: bool = False
    example: int | None = None
    withdrawn: bool = False
    place: tuple[int, int] = (0, 0)

    @property
    def texts(self):
        return texts(self.reading)

    @property
    def live(self) -> bool:
        return self.example is not None and not self.withdrawn

    @property
    def held(self) -> bool:
        return self.live and self.rescued


@dataclass
class Model:
    completions: dict[int, Completion] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    imported: dict[int, tuple[str, tuple[int, int]]] = field(default_factory=dict)
    examples: int = 0

    def new_example(self) -> int:
        self.examples += 1
        return self.examples

    def now(self) -> int:
        return max((c.order for c in self.completions.values() if c.judged), default=0)

    def add(self, completion: int, reading: CandidateIn) -> None:
        row = Row(len(self.rows) + 1, completion, reading)
        self.rows.append(row)
        if reading.verdict == "kept":
            row.example, row.place = (
                self.new_example(),
                (self.completions[completion].order, reading.position),
            )

    def rejudge(self, completion: int, readings: list[CandidateIn]) -> None:
        old = [row for row in self.rows if row.completion == completion]
        old.sort(key=lambda row: (row.superseded, row.reading.position, row.id))
        for reading in readings:
            twin = next((row for row in old if row.texts == texts(reading)), None)
            if twin is None:
                self.add(completion, reading)
                continue
            old.remove(twin)
            held, kept = twin.held, reading.verdict == "kept"
            twin.reading = replace(reading, verdict="kept") if held else reading
            twin.superseded = False
            if kept and twin.example is None:
                twin.example = self.new_example()
                twin.place = (self.completions[completion].order, reading.position)
            elif kept and twin.withdrawn:
                twin.withdrawn = False
                twin.place = (self.completions[completion].order, reading.position)
            elif not kept and not held and twin.live:
                twin.withdrawn = True
        for row in old:
            row.superseded = True
            if row.live and not row.held:
                row.withdrawn = True
        self.completions[completion].judged = True

    def pool(self) -> list[tuple[str, str]]:
        places = [(row.place, row.example, row.texts[0]) for row in self.rows if row.live]
        places += [(place, example, text) for example, (text, place) in self.imported.items()]
        return [(f"row:{example}", text) for _, example, text in sorted(places)]


def clean(text: str) -> str:
    return CLEAN.get(text, text)


def texts(reading: CandidateIn) -> tuple[str, str, str]:
    return clean(reading.instruction), reading.input, reading.output


class StoreMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="alpaca-store-"))
        self.store = Store.open(self.folder / "alpaca.db")
        self.run = self.store.start_run({})
        self.model = Model()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            assert_counters_true(self.store.path)
            shutil.rmtree(self.folder)

    def ids(self, condition) -> list[int]:
        return [completion.id for completion in self.model.completions.values() if condition(completion)]

    @rule()
    def begin(self) -> None:
        number = len(self.model.completions) + 1
        completion = begin(self.store, self.run, number)
        self.model.completions[completion] = Completion(completion)

    @precondition(lambda self: self.ids(lambda c: c.state == "in_flight"))
    @rule(data=st.data(), text=TEXTS)
    def finish(self, data, text) -> None:
        completion = self.model.completions[
            data.draw(st.sampled_from(self.ids(lambda c: c.state == "in_flight")))
        ]
        order = 1 + max((c.order for c in self.model.completions.values()), default=0)
        assert finish(self.store, completion.id, text) == order
        completion.state, completion.order, completion.text, completion.cost = (
            "done",
            order,
            clean(text),
            0.25,
        )

    @precondition(lambda self: self.ids(lambda c: c.state == "in_flight"))
    @rule(data=st.data())
    def fail(self, data) -> None:
        completion = self.model.completions[
            data.draw(st.sampled_from(self.ids(lambda c: c.state == "in_flight")))
        ]
        fail(self.store, completion.id)
        completion.state, completion.cost = "failed", 0.125

    @rule()
    def crash_and_reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder / "alpaca.db")
        lost = self.ids(lambda c: c.state == "in_flight")
        assert self.store.mark_lost() == len(lost)
        for completion in lost:
            self.model.completions[completion].state = "lost"
            self.model.completions[completion].cost = 0.5

    @precondition(lambda self: self.ids(lambda c: c.state == "done" and not c.judged))
    @rule(data=st.data(), reading=readings())
    def record(self, data, reading) -> None:
        completion = data.draw(st.sampled_from(self.ids(lambda c: c.state == "done" and not c.judged)))
        ids = self.store.record_verdicts(completion, reading)
        self.model.completions[completion].judged = True
        for entry in reading:
            self.model.add(completion, entry)
        added = self.model.rows[len(self.model.rows) - len(reading) :]
        assert [(row.id, row.example) for row in added] == [tuple(entry) for entry in ids]

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), rescued=st.booleans())
    def promote(self, data, rescued) -> None:
        row = data.draw(st.sampled_from(self.model.rows))
        example = self.store.promote(row.id, rescued=rescued)
        row.reading = replace(row.reading, verdict="kept")
        row.rescued = row.rescued or rescued or row.superseded
        if row.example is None or row.withdrawn:
            row.place = (self.model.now(), BY_HAND)
        if row.example is None:
            row.example = self.model.new_example()
        row.withdrawn = False
        assert example == row.example

    @precondition(lambda self: self.ids(lambda c: c.state == "done"))
    @rule(data=st.data())
    def rejudge(self, data) -> None:
        ids = self.ids(lambda c: c.state == "done")
        chosen = data.draw(st.lists(st.sampled_from(ids), unique=True, min_size=1, max_size=3))
        plan = [Rejudged(completion, data.draw(readings())) for completion in chosen]
        self.store.apply_rejudge(plan)
        for entry in plan:
            self.model.rejudge(entry.completion_id, list(entry.candidates))

    @rule()
    def replay_the_same_verdicts(self) -> None:
        rows = list(self.store.iter_examples())
        candidates = self.store.candidates()
        plan = [
            Rejudged(
                completion,
                [
                    CandidateIn(
                        *(row.position, row.number, row.instruction, row.input, row.output, row.verdict),
                        *(row.rule, row.detail, row.score, row.nearest, row.top, row.mean),
                    )
                    for row in self.store.candidates(completion_id=completion)
                ],
            )
            for completion in self.ids(lambda c: c.judged)
        ]
        report = self.store.apply_rejudge(plan)
        assert (report.added, report.withdrawn, report.restored) == (0, 0, 0)
        assert list(self.store.iter_examples()) == rows
        assert self.store.candidates() == candidates

    @rule(instructions=st.lists(TEXTS, max_size=3))
    def import_rows(self, instructions) -> None:
        place = (self.model.now(), BY_HAND)
        report = self.store.add_imported([ImportedRow(text, "", "out") for text in instructions], "file.json")
        assert report.added == len(instructions)
        for text in instructions:
            self.model.imported[self.model.new_example()] = (clean(text), place)

    @invariant()
    def rows_are_those_of_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        expected = [(row.example, *row.texts) for row in self.model.rows if row.live]
        expected += [(example, text, "", "out") for example, (text, _) in self.model.imported.items()]
        assert [(r.id, r.instruction, r.input, r.output) for r in self.store.iter_examples()] == sorted(
            expected
        )
        assert list(self.store.pool()) == self.model.pool()

    @invariant()
    def counts_are_those_of_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        tally = self.store.tally()
        current = [row.reading for row in self.model.rows if not row.superseded]
        assert tally.candidates == len(current)
        assert tally.duplicates == sum(reading.verdict == "duplicate" for reading in current)
        assert tally.surplus == sum(reading.verdict == "surplus" for reading in current)
        assert tally.truncated == sum(reading.verdict == "truncated" for reading in current)
        assert sum(tally.filtered.values()) == sum(reading.verdict == "filtered" for reading in current)
        live = [row for row in self.model.rows if row.live]
        assert (tally.kept, tally.with_input) == (len(live), sum(row.texts[1] != "" for row in live))
        assert tally.imported == len(self.model.imported)
        assert sum(self.store.nearest_histogram()) == sum(reading.score is not None for reading in current)

    @invariant()
    def completions_are_those_of_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        done = sorted((c.order, c.id, c.text) for c in self.model.completions.values() if c.state == "done")
        assert [(row.finish_order, row.id, row.text) for row in self.store.iter_done()] == done
        waiting = [id for _, id, _ in done if not self.model.completions[id].judged]
        assert [row.id for row in self.store.unjudged()] == waiting
        assert self.store.spending().cost_usd == sum(c.cost for c in self.model.completions.values())
        for completion in self.ids(lambda c: c.judged):
            verdicts = [
                r.reading.verdict for r in self.model.rows if r.completion == completion and not r.superseded
            ]
            row = self.store.completion(completion)
            assert row is not None
            judged = len(verdicts) - verdicts.count("surplus") - verdicts.count("truncated")
            assert (row.kept_count, row.judged_count) == (verdicts.count("kept"), judged)


TestStoreAgainstModel = StoreMachine.TestCase
TestStoreAgainstModel.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
