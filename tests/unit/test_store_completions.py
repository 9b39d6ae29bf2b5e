"""Runs, their log, and the life of a completion."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from alpaca_tui.store.store import Store
from tests.support.stores import assert_counters_true, begin, candidate, done, fail, finish


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store
    assert_counters_true(tmp_path / "alpaca.db")


def test_a_run_is_remembered_with_its_settings_and_its_end(store):
    first = store.start_run({"goal": 3, "teacher": "demo"})
    second = store.start_run({"goal": 4})
    store.end_run(first, "goal", {"kept": 3})
    one, two = store.runs()
    assert (one.id, one.config, one.stopped_because, one.totals) == (
        first,
        {"goal": 3, "teacher": "demo"},
        "goal",
        {"kept": 3},
    )
    assert one.ended_at is not None
    assert one.ended_at >= one.started_at
    assert (two.id, two.ended_at, two.stopped_because, two.totals) == (second, None, None, {})
    assert store.last_run() == two


def test_an_empty_store_has_no_last_run(store):
    assert store.last_run() is None
    assert store.runs() == []
    assert store.next_index() == 1


def test_the_log_gives_the_newest_entries_oldest_first(store):
    run, other = store.start_run({}), store.start_run({})
    for number in range(5):
        store.log(run, "note", f"entry {number}", {"number": number})
    store.log(other, "fault", "another run")
    entries = store.log_entries(run, limit=3)
    assert [entry.message for entry in entries] == ["entry 2", "entry 3", "entry 4"]
    assert entries[0].data == {"number": 2}
    assert [entry.kind for entry in store.log_entries(limit=2)] == ["note", "fault"]
    assert store.log_entries()[-1].data is None


@pytest.mark.parametrize(
    "name", ["api_key", "apiKey", "OPENAI-API-KEY", "Authorization", "access_token", "client_secret"]
)
def test_what_is_named_like_a_secret_is_refused(store, name):
    with pytest.raises(ValueError, match="secret"):
        store.start_run({"teacher": {"deep": [{name: "abc"}]}})
    assert store.runs() == []


def test_a_pydantic_secret_is_refused_wherever_it_hides(store):
    run = store.start_run({})
    with pytest.raises(ValueError, match="secret"):
        store.start_run({"list": [SecretStr("abc")]})
    with pytest.raises(ValueError, match="secret"):
        store.log(run, "note", "x", {"y": SecretStr("abc")})
    with pytest.raises(ValueError, match="secret"):
        begin(store, run, request={"chat": [], "headers": {"authorization": "Bearer abc"}})
    assert store.completions(order="begin") == []


def test_settings_about_tokens_are_no_secrets_and_credentials_in_urls_are_blotted_out(store, tmp_path):
    config = {"max_tokens": 5, "token_budget": 9, "seed_token_limit": 3, "api_key": None}
    store.start_run(
        config | {"teacher": "https://bob:hunter2@host/v1", "note": "sk-abcdefghijklmnopqrstuvwx"}
    )
    run = store.last_run()
    assert run.config == config | {"teacher": "https://***@host/v1", "note": "***"}
    completion = begin(store, run.id, server="https://bob:hunter2@host/v1")
    assert store.completion(completion).server == "https://***@host/v1"
    store.close()
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"hunter2" not in everything


def test_a_completion_is_born_in_flight_with_what_it_may_cost(store):
    run = store.start_run({})
    completion = begin(store, run, 7, seed_ids=["seed_9", "row:3"], k=2)
    row = store.completion(completion)
    assert (row.state, row.judged, row.finish_order, row.text, row.finished_at) == (
        "in_flight",
        False,
        None,
        "",
        None,
    )
    assert (row.index, row.key, row.seed_ids, row.k) == (7, "key-7", ("seed_9", "row:3"), 2)
    assert store.completion_request(completion) == {
        "chat": [["user", "Go on."]],
        "text": "Go on.",
        "sampling": {"max_tokens": 100},
    }
    spending = store.spending()
    assert (spending.in_flight_tokens, spending.in_flight_usd, spending.tokens, spending.cost_usd) == (
        100,
        0.5,
        0,
        0.0,
    )
    assert store.next_index() == 8


def test_finish_order_follows_the_finish_not_the_start(store):
    run = store.start_run({})
    first, second, third = (begin(store, run, index) for index in (1, 2, 3))
    assert finish(store, third, "three") == 1
    assert finish(store, first, "one") == 2
    assert [row.text for row in store.iter_done()] == ["three", "one"]
    assert [row.id for row in store.unjudged()] == [third, first]
    assert [row.id for row in store.unjudged(limit=1)] == [third]
    assert store.completion(second).finish_order is None
    row = store.completion(third)
    assert (row.state, row.answered_model, row.request_id, row.spoke) == (
        "done",
        "demo-alpaca-2",
        "req-1",
        "chat",
    )
    assert (row.prompt_tokens, row.completion_tokens, row.cost_usd, row.latency_s) == (10, 20, 0.25, 1.5)


def test_an_answer_is_stored_once(store):
    run = store.start_run({})
    completion = done(store, run)
    for again in (finish, fail):
        with pytest.raises(ValueError, match="not in flight"):
            again(store, completion)
    assert store.completion(completion).text == "3. Instruction: Hop."
    with pytest.raises(ValueError, match="not in flight"):
        finish(store, 999)


def test_a_failure_keeps_what_arrived_and_what_it_cost(store):
    run = store.start_run({})
    completion = begin(store, run)
    fail(store, completion)
    row = store.completion(completion)
    assert (row.state, row.error, row.error_kind, row.text, row.attempts) == (
        "failed",
        "the server hung up",
        "transient",
        "3. Instru",
        5,
    )
    assert store.find_completion("key-1") is None
    assert store.unjudged() == []
    assert store.spending().cost_usd == 0.125


def test_lost_requests_count_as_spent(store):
    run = store.start_run({})
    done(store, run, 1)
    begin(store, run, 2)
    other = begin(store, run, 3, purpose="assist")
    assert store.mark_lost() == 2
    assert store.mark_lost() == 0
    assert store.completion(other).state == "lost"
    spending = store.spending()
    assert spending.states == {"done": 1, "lost": 2}
    assert (spending.tokens, spending.lost_tokens, spending.cost_usd) == (230, 200, 1.25)
    assert store.tally().completions == {"done": 1, "lost": 1}  # what generation asked
    with pytest.raises(ValueError, match="not in flight"):
        finish(store, 2)


def test_an_unknown_cost_makes_the_sum_unknown_but_not_the_known_part(store):
    run, other = store.start_run({}), store.start_run({})
    done(store, run, 1)
    completion = begin(store, other, 2, reserved_usd=None)
    finish(store, completion, cost_usd=None)
    assert (store.spending().cost_usd, store.spending().known_usd, store.spending().unknown_costs) == (
        None,
        0.25,
        1,
    )
    assert store.spending(run).cost_usd == 0.25
    assert store.spending(other).cost_usd is None
    begin(store, run, 3, reserved_usd=None)
    store.mark_lost()
    assert store.spending(run).cost_usd is None


def test_the_answer_to_a_key_is_found_even_when_an_earlier_request_was_lost(store):
    run = store.start_run({})
    begin(store, run, 1, key="same")
    store.mark_lost()
    assert store.find_completion("same") is None
    again = done(store, run, 1, key="same")
    assert store.find_completion("same").id == again


def test_other_purposes_do_not_mix_with_generation(store):
    run = store.start_run({})
    done(store, run, 5)
    done(store, run, 9, purpose="assist")
    assert store.next_index() == 6
    assert store.next_index("assist") == 10
    assert [row.index for row in store.unjudged()] == [5]
    assert [row.index for row in store.iter_done("assist")] == [9]


def test_completions_come_in_pages_newest_first(store):
    run = store.start_run({})
    ids = [done(store, run, index) for index in range(1, 8)]
    begin(store, run, 8)
    page = store.completions(limit=3)
    assert [row.id for row in page] == ids[:3:-1]
    assert [row.id for row in store.completions(limit=10, after=page[-1].finish_order)] == ids[3::-1]
    assert [row.state for row in store.completions(order="begin", limit=2)] == ["in_flight", "done"]
    assert [row.index for row in store.completions("in_flight", order="begin")] == [8]


def test_iteration_by_finish_order_crosses_pages_while_the_store_grows(store):
    run = store.start_run({})
    for index in range(1, 451):
        done(store, run, index, text=f"text {index}")
    seen = []
    for row in store.iter_done():
        seen.append(row.text)
        if len(seen) == 100:
            done(store, run, 451, text="text 451")
    assert seen == [f"text {index}" for index in range(1, 452)]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("a\x00b\x1b[31mc\x7f\x85\u2028\ufeff", "a\x00b\x1b[31mc\x7f\x85\u2028\ufeff"),
        ("crlf\r\nand\rcr", "crlf\r\nand\rcr"),
        ("\ud83d\ude00 halves", "\U0001f600 halves"),
        ("lone \ud800 high", "lone \ufffd high"),
        ("lone \udc00 low", "lone \ufffd low"),
        ("end \ud800", "end \ufffd"),
        ("\ud800\ud83d\ude00", "\ufffd\U0001f600"),
        ("", ""),
    ],
)
def test_text_comes_back_as_it_went_in(store, text, stored):
    run = store.start_run({"topic": text})
    completion = begin(store, run, key=text, model=text, server=text, request={"text": text})
    finish(store, completion, text, model=text, request_id=text)
    store.record_verdicts(
        completion, [candidate(0, text, input=text, output=text, detail=text, nearest=text)]
    )
    store.log(run, "note", text)
    row = store.completion(completion)
    assert (row.text, row.answered_model, row.request_id) == (stored, stored, stored)
    assert store.completion_request(completion) == {"text": stored}
    [kept] = store.candidates()
    assert (kept.instruction, kept.input, kept.output, kept.detail, kept.nearest) == (stored,) * 5
    assert store.example(kept.example_id).output == stored
    assert store.log_entries()[0].message == stored
    assert store.last_run().config == {"topic": stored}
    assert store.find_completion(text).id == completion


def test_everything_is_there_after_reopening(tmp_path):
    path: Path = tmp_path / "alpaca.db"
    with Store.open(path) as store:
        run = store.start_run({"goal": 1})
        completion = done(store, run, 4, text="the text")
        before = store.completion(completion)
    with Store.open(path) as store:
        assert store.completion(completion) == before
        assert store.next_index() == 5
        assert finish(store, begin(store, run, 5)) == 2
