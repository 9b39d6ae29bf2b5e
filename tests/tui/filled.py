"""A workspace with a past: a run, its answers and their verdicts, put into a real store."""

from __future__ import annotations

from collections.abc import Sequence

from alpaca_tui.store.rows import CandidateIn
from alpaca_tui.store.store import Store
from tests.tui.fakes import INSTRUCTIONS, verdict_of

CONFIG = {
    "goal": 300,
    "teacher": "openai",
    "model": "gpt-test-mini",
    "server": "openai",
    "answering_model": "gpt-test-mini",
    "budget_usd": 1.0,
    "concurrency": 8,
    "threshold": 0.7,
    "temperature": 1.0,
    "topic": "",
    "language": "English",
}


def candidate(
    position: int, instruction: str, verdict: str, *, output: str = "An answer.", input: str = ""
) -> CandidateIn:
    rejected = verdict == "filtered"
    score = None if rejected else {"kept": 0.42, "duplicate": 0.83, "surplus": 0.3}.get(verdict, 0.5)
    return CandidateIn(
        position=position,
        number=position + 4,
        instruction=instruction,
        input=input,
        output=output,
        verdict=verdict,  # type: ignore[arg-type]
        rule="forbidden-word" if rejected else None,
        detail='contains "map"' if rejected else "",
        score=score,
        nearest="row:1" if verdict == "duplicate" else None,
        top=[("row:1", score)] if score is not None and verdict == "duplicate" else [],
        mean=0.11 if score is not None else None,
    )


def answer(
    store: Store, run_id: int, index: int, candidates: Sequence[CandidateIn], *, text: str = ""
) -> int:
    """One finished and judged answer."""
    completion = begin(store, run_id, index)
    body = text or "\n###\n".join(
        f"{one.number}. Instruction: {one.instruction}\nOutput:\n{one.output}" for one in candidates
    )
    store.finish_completion(
        completion,
        text=body,
        finish_reason="stop",
        spoke="chat",
        prompt_tokens=880,
        completion_tokens=2100,
        usage_estimated=False,
        cost_usd=0.0014,
        latency_s=12.5,
        first_token_s=0.6,
        attempts=1,
        model="gpt-test-mini",
        request_id=f"req-{index}",
    )
    store.record_verdicts(completion, candidates)
    return completion


def begin(store: Store, run_id: int, index: int) -> int:
    """One request in flight."""
    return store.begin_completion(
        run_id,
        key=f"key-{run_id}-{index}",
        index=index,
        purpose="generate",
        server="openai",
        model="gpt-test-mini",
        prompt_hash="0123456789abcdef",
        seed_ids=["seed_task_1"],
        k=3,
        request={
            "chat": [["system", "You invent tasks."], ["user", "Invent twenty tasks, please."]],
            "text": "Invent twenty tasks, please.",
            "sampling": {"temperature": 1.0, "max_tokens": 3072},
        },
        reserved_tokens=4000,
        reserved_usd=0.002,
    )


def fill(store: Store, answers: int = 6, *, stopped: str | None = "user", goal: int = 300) -> int:
    """A run of `answers` answers of five tasks each; its id."""
    run_id = store.start_run({**CONFIG, "goal": goal})
    store.log(run_id, "note", "Asking openai (gpt-test-mini) for 300 tasks.")
    number = 0
    for index in range(1, answers + 1):
        tasks: list[CandidateIn] = []
        for position in range(5):
            text = f"{INSTRUCTIONS[number % len(INSTRUCTIONS)]} ({number})"
            tasks.append(
                candidate(
                    position, text, verdict_of(number).value, input="Some input." if number % 3 == 0 else ""
                )
            )
            number += 1
        answer(store, run_id, index, tasks)
    store.log(run_id, "fault", "The server is overloaded (503). Asking again in 1.2 s.")
    if stopped is not None:
        store.end_run(run_id, stopped, {"this_run": {"kept": answers * 3, "seconds": 61.5}, "detail": ""})
    return run_id
