"""Opening, upgrading and closing the file; and every fault of file and disk in plain words."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.store import database, schema
from alpaca_tui.store.mounts import file_system, is_network
from alpaca_tui.store.rows import ImportedRow, Rejudged
from alpaca_tui.store.store import Store
from tests.support.stores import begin, candidate, done, fail, finish, visible_rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alpaca.db"


def filled(path: Path) -> None:
    with Store.open(path) as store:
        run = store.start_run({"goal": 2})
        store.record_verdicts(done(store, run), [candidate(0, "a"), candidate(1, "b")])


def error_of(call, *arguments, **named) -> UserError:
    with pytest.raises(UserError) as caught:
        call(*arguments, **named)
    assert caught.value.title
    assert caught.value.cause
    assert caught.value.next_step
    return caught.value


def read_everything(path: Path) -> None:
    with Store.open(path) as store:
        visible_rows(store)
        list(store.iter_done())


def test_a_new_file_is_ours_in_wal_mode_and_checked(path):
    with Store.open(path) as store:
        assert store.journal_mode == "wal"
        assert not store.readonly
        with store._db.read() as connection:
            pragmas = {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("foreign_keys", "synchronous", "busy_timeout", "application_id", "user_version")
            }
    assert pragmas == {
        "foreign_keys": 1,
        "synchronous": 1,
        "busy_timeout": 10_000,
        "application_id": schema.APPLICATION_ID,
        "user_version": len(schema.STEPS),
    }
    assert sorted(file.name for file in path.parent.iterdir()) == ["alpaca.db"]  # the log is folded in


def test_names_that_mean_something_in_a_uri(tmp_path):
    folder = tmp_path / "50% of #1? ü &mode=memory"
    folder.mkdir()
    filled(folder / "alpaca.db")
    assert [file.name for file in folder.iterdir()] == ["alpaca.db"]
    with Store.open(folder / "alpaca.db", readonly=True) as store:
        assert len(visible_rows(store)) == 2


def test_a_missing_file_is_not_made_unless_asked(path):
    assert "no workspace" in error_of(Store.open, path, create=False).title
    assert "no workspace" in error_of(Store.open, path, readonly=True).title
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (
            b"this is no database at all, but some text that someone wrote\n" * 50,
            "not an alpaca-tui workspace",
        ),
        (b"\x00" * 5000, "not an alpaca-tui workspace"),
        (b"SQLite format 3\x00" + b"\xff" * 5000, ""),
    ],
)
def test_what_is_no_database_is_refused_and_left_alone(path, content, word):
    path.write_bytes(content)
    for readonly in (False, True):
        assert word in error_of(Store.open, path, readonly=readonly).title
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["alpaca.db"]


def test_a_folder_of_that_name(path):
    path.mkdir()
    assert "not an alpaca-tui workspace" in error_of(Store.open, path).title


def test_the_database_of_another_program_is_left_alone(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert "another program" in error_of(Store.open, path).cause
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_workspace(path):
    path.touch()
    filled(path)
    with Store.open(path) as store:
        assert len(visible_rows(store)) == 2


def test_a_newer_version_is_refused_naming_it(path):
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.execute("UPDATE meta SET value = '7.5.0' WHERE key = 'program'")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    for readonly in (False, True):
        error = error_of(Store.open, path, readonly=readonly)
        assert "newer version" in error.title
        assert "7.5.0" in error.cause
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE meta")
    connection.commit()
    connection.close()
    assert "newer version" in error_of(Store.open, path).title
    assert before[:16] == path.read_bytes()[:16]


def test_an_older_version_is_upgraded_step_by_step(path, monkeypatch):
    filled(path)
    steps = (*schema.STEPS, "ALTER TABLE example ADD COLUMN mood TEXT;\n", "CREATE TABLE tag (name TEXT);\n")
    monkeypatch.setattr(schema, "STEPS", steps)
    with Store.open(path) as store:
        assert len(visible_rows(store)) == 2
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(steps)
    assert connection.execute("SELECT mood FROM example").fetchall() == [(None,), (None,)]
    connection.close()


def test_a_reader_of_an_older_version_has_it_upgraded_where_it_may_be_written(path, monkeypatch):
    filled(path)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE tag (name TEXT);\n"))
    with monkeypatch.context() as patch:
        patch.setattr("alpaca_tui.store.database._writable", lambda path: False)
        assert "upgraded" in error_of(Store.open, path, readonly=True).cause
    with Store.open(path, readonly=True) as store:
        assert len(visible_rows(store)) == 2
        with store._db.read() as connection:
            assert connection.execute("SELECT count(*) FROM tag").fetchone() == (0,)


def test_an_upgrade_that_fails_is_as_if_it_had_not_begun(path, monkeypatch):
    filled(path)
    steps = schema.STEPS
    broken = "CREATE TABLE tag (name TEXT);\nALTER TABLE nowhere ADD COLUMN x TEXT;\n"
    monkeypatch.setattr(schema, "STEPS", (*steps, broken))
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        Store.open(path)
    monkeypatch.setattr(schema, "STEPS", steps)
    with Store.open(path) as store:
        assert len(visible_rows(store)) == 2
        with store._db.read() as connection:
            assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tag'").fetchone() is None


def test_a_script_is_split_where_its_statements_end():
    script = "-- a; comment\nCREATE TABLE a (x);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM a;\nEND;\n"
    assert [part.strip().splitlines()[-1] for part in schema.statements(script)] == [
        "CREATE TABLE a (x);",
        "END;",
    ]
    with pytest.raises(ValueError, match="unfinished"):
        list(schema.statements("CREATE TABLE a (x)\n"))


def test_many_open_a_new_workspace_at_once(path):
    stores: list[Store] = []
    faults: list[BaseException] = []

    def open_one() -> None:
        try:
            stores.append(Store.open(path))
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    for number, store in enumerate(stores):
        store.start_run({"number": number})
    assert sorted(run.config["number"] for run in stores[0].runs()) == list(range(8))
    for store in stores:
        store.close()


def test_a_file_that_another_makes_in_the_middle_of_opening_is_not_called_read_only(path, monkeypatch):
    access = os.access

    def and_then_it_is_there(asked, mode):
        answer = access(asked, mode)
        if Path(asked) == path:
            path.touch()
        return answer

    monkeypatch.setattr(os, "access", and_then_it_is_there)
    Store.open(path).close()


def test_a_damaged_page_is_named_and_nothing_is_overwritten(path):
    filled(path)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)  # the schema survives, the tables do not
    path.write_bytes(data)
    assert "damaged" in error_of(read_everything, path).title
    assert path.read_bytes()[4096:] == data[4096:]


def test_half_a_file_is_named_damaged(path):
    with Store.open(path) as store:
        run = store.start_run({})
        for index in range(1, 60):
            store.record_verdicts(done(store, run, index, text="x" * 3000), [candidate(0, f"{index} " * 200)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "damaged" in error_of(read_everything, path).title


def test_a_full_disk_loses_nothing_that_was_stored(path):
    with Store.open(path) as store:
        run = store.start_run({})
        completions = [begin(store, run, index) for index in range(1, 40)]
        with store._db.read() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        acknowledged: list[int] = []

        def finish_all() -> None:
            for completion in completions:
                finish(store, completion, "x" * 9000)
                acknowledged.append(completion)

        assert "disk is full" in error_of(finish_all).title
        assert acknowledged
        with store._db.read() as connection:
            assert not connection.in_transaction
            connection.execute(f"PRAGMA max_page_count = {pages + 100_000}")
        finish(store, completions[len(acknowledged)], "x" * 9000)  # room again: it goes on
        assert [row.id for row in store.iter_done()] == [*acknowledged, completions[len(acknowledged)]]
        assert all(row.text == "x" * 9000 for row in store.iter_done())


def test_a_file_that_may_not_be_written(path, monkeypatch):
    filled(path)
    monkeypatch.setattr(database.os, "access", lambda target, mode: Path(target) != path)
    assert "read-only" in error_of(Store.open, path).title
    with Store.open(path, readonly=True) as store:
        assert len(visible_rows(store)) == 2


def test_a_folder_that_may_not_be_written(path, monkeypatch):
    monkeypatch.setattr(database.os, "access", lambda target, mode: False)
    assert "read-only" in error_of(Store.open, path).title
    assert not path.exists()


def test_a_store_opened_read_only_does_not_write(path):
    filled(path)
    with Store.open(path, readonly=True) as store:
        assert store.readonly
        assert "read-only" in error_of(store.start_run, {}).title
        assert len(visible_rows(store)) == 2
        assert store.last_run().config == {"goal": 2}


def test_reading_where_no_shared_memory_can_be_made(path):
    filled(path)
    before = path.read_bytes()
    path.with_name("alpaca.db-shm").mkdir()  # what a folder on a read-only disk amounts to
    with Store.open(path, readonly=True) as store:
        assert len(visible_rows(store)) == 2
    assert path.read_bytes() == before
    with Store.open(path) as store:
        assert error_of(store.start_run, {})
    assert path.read_bytes() == before


def test_a_reader_follows_a_writer_in_another_process(path):
    filled(path)
    with Store.open(path, readonly=True) as reader, Store.open(path) as writer:
        assert len(visible_rows(reader)) == 2
        writer.record_verdicts(done(writer, 1, 2), [candidate(0, "c")])
        assert len(visible_rows(reader)) == 3
        assert reader.tally().kept == 3


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN " + sys.argv[2])
connection.execute("INSERT INTO meta VALUES ('held', '1')")
print("held", flush=True)
sys.stdin.read()
"""


def test_locked_by_another_program(path):
    filled(path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), "IMMEDIATE"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with Store.open(path, busy_timeout_s=0.1) as store:
            assert "locked by another program" in error_of(store.start_run, {}).title
            assert len(visible_rows(store)) == 2  # reading goes on
            holder.kill()
            holder.wait()
            assert store.start_run({}) == 2
    finally:
        holder.kill()
        holder.communicate()


def test_a_writer_waits_for_another_one(path):
    filled(path)
    with Store.open(path) as one, Store.open(path) as two:
        ready = threading.Event()

        def slow() -> None:
            with one._db.write() as connection:
                connection.execute("INSERT INTO meta VALUES ('slow', '1')")
                ready.set()
                time.sleep(0.3)

        thread = threading.Thread(target=slow)
        thread.start()
        ready.wait()
        assert two.start_run({}) == 2
        thread.join()


def test_threads_share_a_store_and_nothing_is_mixed_up(path):
    with Store.open(path) as store:
        run = store.start_run({})
        faults: list[BaseException] = []

        def work(worker: int) -> None:
            try:
                for number in range(25):
                    index = worker * 100 + number
                    completion = done(store, run, index, text=f"text {index}")
                    store.record_verdicts(completion, [candidate(0, f"task {index}")])
                    assert store.completion(completion).text == f"text {index}"
                    store.tally()
            except BaseException as error:
                faults.append(error)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert [row.finish_order for row in store.iter_done()] == list(range(1, 151))
        assert store.tally().kept == 150
        assert len({instruction for _, instruction in store.pool()}) == 150


def test_a_thread_takes_its_connection_with_it(path):
    with Store.open(path) as store:
        opened = len(store._db._handles)
        for _ in range(5):
            thread = threading.Thread(target=store.tally)
            thread.start()
            thread.join()
        assert len(store._db._handles) == opened == 1


def test_closing_waits_for_threads_and_ends_them_clearly(path):
    filled(path)
    store = Store.open(path)
    outcomes: list[BaseException | None] = []
    started = threading.Barrier(5)

    def read() -> None:
        started.wait()
        try:
            while True:
                list(store.pool())
        except BaseException as error:
            outcomes.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    started.wait()
    time.sleep(0.05)
    store.close()
    for thread in threads:
        thread.join(10)
    assert [type(outcome) for outcome in outcomes] == [RuntimeError] * 4
    store.close()
    with pytest.raises(RuntimeError, match="closed"):
        store.tally()
    assert not path.with_name("alpaca.db-wal").exists()


def test_a_mistake_of_ours_stays_visible_as_one(path):
    with Store.open(path) as store:
        with pytest.raises(sqlite3.IntegrityError):
            begin(store, 99)
        with pytest.raises(sqlite3.OperationalError, match="nowhere"), store._db.read() as connection:
            connection.execute("SELECT * FROM nowhere")


MOUNTS = (
    "sysfs /sys sysfs rw 0 0\n"
    "/dev/sda1 / ext4 rw 0 0\n"
    "server:/home /home nfs4 rw 0 0\n"
    "/dev/sdb1 /home/local\\040disk xfs rw 0 0\n"
    "sshfs#x: /mnt/remote fuse.sshfs rw 0 0\n"
    "/dev/sdc1 /mnt/usb fuseblk rw 0 0\n"
    "C: /mnt/c 9p rw 0 0\n"
    "tmpfs /mnt/over nfs rw 0 0\n"
    "tmpfs /mnt/over tmpfs rw 0 0\n"
    "odd\n"
)


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/srv/data", "ext4", False),
        ("/home/me/work", "nfs4", True),
        ("/homes", "ext4", False),
        ("/home/local disk/w", "xfs", False),
        ("/mnt/remote/w", "fuse.sshfs", True),
        ("/mnt/usb/w", "fuseblk", False),
        ("/mnt/c/Users", "9p", True),
        ("/mnt/over/w", "tmpfs", False),
    ],
)
def test_the_file_system_under_a_path(path, kind, network):
    assert file_system(Path(path), MOUNTS) == kind
    assert is_network(Path(path), MOUNTS) is network


def test_where_nothing_can_be_told_the_file_system_counts_as_local():
    assert file_system(Path("/x"), "") == ""
    assert not is_network(Path("/x"), "")


def test_on_a_network_file_system_the_journal_is_another(path, monkeypatch):
    filled(path)
    monkeypatch.setattr(database.mounts, "is_network", lambda target: True)
    with Store.open(path) as store:
        assert store.journal_mode == "delete"
        with store._db.read() as connection:
            assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        store.record_verdicts(done(store, 1, 2), [candidate(0, "c")])
        assert len(visible_rows(store)) == 3
    monkeypatch.undo()
    with Store.open(path) as store:
        assert store.journal_mode == "wal"


def test_a_database_copied_with_its_log_is_whole(path, tmp_path):
    with Store.open(path) as store:
        run = store.start_run({})
        done(store, run, text="in the log")
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("alpaca.db", "alpaca.db-wal"):
            shutil.copy(path.with_name(name), copy / name)
    with Store.open(copy / "alpaca.db") as store:
        assert [row.text for row in store.iter_done()] == ["in the log"]


def test_what_runs_all_the_time_costs_the_same_on_a_large_store(path):
    """Counted in SQLite's instructions: at a million rows a scan is a second, in a test nobody notices."""
    with Store.open(path) as store:
        run = store.start_run({})
        small = grown(store, run, 20)
        large = grown(store, run, 400)
    assert small.keys() == large.keys()
    assert {name: (small[name], large[name]) for name in small if large[name] > 1.5 * small[name] + 50} == {}


def grown(store: Store, run: int, completions: int) -> dict[str, int]:
    """Fill the store up to so many completions, then say how many instructions each operation takes."""
    for index in range(store.next_index(), completions):
        verdicts = [candidate(0, "a"), candidate(1, "b", "filtered"), candidate(2, "c", "surplus")]
        store.record_verdicts(done(store, run, index), verdicts)
        store.log(run, "note", "x")
        fail(store, begin(store, run, 0, key=f"failed {index}"))
    costs: dict[str, int] = {}
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    @contextmanager
    def measured(name: str) -> Iterator[None]:
        nonlocal steps
        steps = 0
        yield
        costs[name] = steps

    with store._db.read() as connection:
        connection.set_progress_handler(count, 1)
    with measured("begin"):
        completion = begin(store, run, completions)
    with measured("finish"):
        finish(store, completion)
    with measured("unjudged"):
        assert len(store.unjudged()) == 1
    with measured("record"):
        [_, second] = store.record_verdicts(completion, [candidate(0, "c"), candidate(1, "d", "surplus")])
    with measured("promote"):
        store.promote(second.candidate_id)
    with measured("rejudge"):
        store.apply_rejudge([Rejudged(completion, [candidate(0, "c"), candidate(1, "e")])])
    failing = begin(store, run, completions, key="other")
    with measured("fail"):
        fail(store, failing)
    with measured("lost"):
        store.mark_lost()
    with measured("import"):
        store.add_imported([ImportedRow("x", "", "y")], "file")
    with measured("log"):
        store.log(run, "note", "x")
    reads: dict[str, Callable[[], object]] = {
        "log entries": lambda: store.log_entries(run, limit=5),
        "last run": store.last_run,
        "next index": store.next_index,
        "find": lambda: store.find_completion("key-7"),
        "completion": lambda: store.completion(completion),
        "request": lambda: store.completion_request(completion),
        "completions": lambda: store.completions(limit=5),
        "by begin": lambda: store.completions(order="begin", limit=5),
        "examples": lambda: store.examples(after=3, limit=5),
        "sample": lambda: store.kept_sample(1, random.Random(0)),
        "count": store.count_examples,
        "tally": store.tally,
        "histogram": store.nearest_histogram,
        "candidates": lambda: store.candidates(limit=5),
        "of a completion": lambda: store.candidates(completion_id=completion, verdict="kept"),
        "by verdict": lambda: store.candidates(verdict="surplus", limit=5),
        "by rule": lambda: store.candidates(verdict="filtered", rule="too-short", limit=5),
        "by both, none": lambda: store.candidates(verdict="kept", rule="unheard-of"),
        "candidate": lambda: store.candidate(1),
    }
    for name, call in reads.items():
        with measured(name):
            call()
    with store._db.read() as connection:
        connection.set_progress_handler(None, 1)
    return costs


def test_without_full_text_search_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "has_full_text_search", lambda: False)
    with pytest.raises(UserError, match="cannot search texts"):
        Store.open(tmp_path / "alpaca.db")
    assert not (tmp_path / "alpaca.db").exists()
