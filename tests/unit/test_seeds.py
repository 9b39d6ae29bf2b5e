"""The shipped seed tasks are what they promise; a user's file is read, or refused for a named reason."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sqlite3
import string
import tempfile
from collections import Counter
from fractions import Fraction
from itertools import combinations, permutations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import _score_lcs
from rouge_score.tokenizers import DefaultTokenizer

from alpaca_tui.errors import UserError
from alpaca_tui.generation import seeds as room
from alpaca_tui.generation.seeds import SeedTask, first_word, load_builtin, load_file, parse_seeds, to_jsonl

FORBIDDEN = (
    "image images graph graphs picture pictures file files map maps draw plot "
    "video audio music flowchart diagram"
)
GOOD = {"instruction": "Say hello in French.", "input": "", "output": "Bonjour !"}


def rouge(left: str, right: str) -> float:
    """ROUGE-L F1 as `rouge-score` itself computes it, without stemmer."""
    tokenizer = DefaultTokenizer(use_stemmer=False)
    return _score_lcs(tokenizer.tokenize(left), tokenizer.tokenize(right)).fmeasure


def self_instruct(**changes: object) -> dict[str, object]:
    task: dict[str, object] = {
        "id": "a",
        "name": "hello",
        "instruction": "Say hello in French.",
        "instances": [{"input": "", "output": "Bonjour !"}],
        "is_classification": False,
    }
    task.update(changes)
    return {key: value for key, value in task.items() if value is not ...}


def lines(*rows: object) -> bytes:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


def refusal(data: bytes) -> UserError:
    with pytest.raises(UserError) as caught:
        parse_seeds(data, "mine.jsonl")
    assert caught.value.next_step
    return caught.value


@pytest.fixture(scope="module")
def builtin() -> list[SeedTask]:
    return load_builtin()


class TestBuiltin:
    def test_counts(self, builtin: list[SeedTask]) -> None:
        assert 190 <= len(builtin) <= 200
        assert 20 <= sum(seed.is_classification is True for seed in builtin) <= 30
        assert 0.45 <= sum(bool(seed.input) for seed in builtin) / len(builtin) <= 0.55
        assert [seed.id for seed in builtin] == [f"seed_task_{number}" for number in range(len(builtin))]
        assert len({seed.name for seed in builtin}) == len(builtin)
        assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", seed.name) for seed in builtin)

    def test_is_in_the_exact_shape(self) -> None:
        path = Path(room.__file__).parent.parent / "data" / "seed_tasks.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines():
            task = json.loads(line)
            assert list(task) == ["id", "name", "instruction", "instances", "is_classification"]
            assert isinstance(task["is_classification"], bool)
            assert [sorted(instance) for instance in task["instances"]] == [["input", "output"]]
        assert to_jsonl(load_builtin()) == path.read_text(encoding="utf-8")

    def test_no_filter_would_reject_one(self, builtin: list[SeedTask]) -> None:
        forbidden = re.compile(rf"\b({FORBIDDEN.replace(' ', '|')}|go to)\b", re.IGNORECASE)
        marker = re.compile(r"###|\d\.\s*(Instruction|Input|Output):")
        for seed in builtin:
            assert 3 < len(seed.instruction.split()) <= 60, seed.id
            assert not forbidden.search(seed.instruction), seed.id
            assert not seed.instruction.startswith("Write a program"), seed.id
            assert seed.instruction[0] in string.ascii_letters, seed.id
            assert "\n" not in seed.instruction, seed.id
            assert seed.output.strip(), seed.id
            assert seed.output not in (seed.input, seed.instruction), seed.id
            assert not any(marker.search(text) for text in (seed.instruction, seed.input, seed.output)), (
                seed.id
            )

    def test_no_two_are_alike(self, builtin: list[SeedTask]) -> None:
        tokenizer = DefaultTokenizer(use_stemmer=False)
        tokens = [(seed.id, tokenizer.tokenize(seed.instruction)) for seed in builtin]
        worst = max((_score_lcs(a[1], b[1]).fmeasure, a[0], b[0]) for a, b in combinations(tokens, 2))
        assert worst[0] < 0.5, worst

    def test_none_resembles_a_seed_of_self_instruct(self, builtin: list[SeedTask], data_dir: Path) -> None:
        theirs = load_file(data_dir / "seed_tasks.jsonl")
        assert len(theirs) == 175
        tokenizer = DefaultTokenizer(use_stemmer=False)
        targets = [tokenizer.tokenize(seed.instruction) for seed in theirs]
        for seed in builtin:
            tokens = tokenizer.tokenize(seed.instruction)
            assert max(_score_lcs(target, tokens).fmeasure for target in targets) < 0.5, seed.id

    def test_verbs_and_lengths_are_spread(self, builtin: list[SeedTask]) -> None:
        words = Counter(first_word(seed.instruction) for seed in builtin)
        assert len(words) >= 150
        assert words.most_common(1)[0][1] <= 5
        outputs = sorted(len(seed.output.split()) for seed in builtin)
        assert outputs[0] == 1
        assert 100 <= outputs[-1] <= 180
        assert sum("\n" in seed.output for seed in builtin) >= 60
        assert max(len(seed.input.split()) for seed in builtin) <= 120

    def test_answers_that_can_be_computed_are_right(self, builtin: list[SeedTask]) -> None:
        of = {seed.name: seed for seed in builtin}

        def says(name: str, *parts: str) -> None:
            assert all(part in of[name].output for part in parts), of[name].output

        says("split_restaurant_bill", f"${86.40 * 1.15 / 4:.2f}")
        says("marathon_in_miles", f"{42.195 / 1.609344:.2f}")
        says("heartbeats_per_year", f"{70 * 60 * 24 * 365:,}")
        beside = sum(abs(order.index(0) - order.index(1)) == 1 for order in permutations(range(5)))
        says("books_on_shelf", f"= {beside} ways")
        sixes = sum(6 in throw for throw in product(range(1, 7), repeat=2))
        says("two_dice_six", f"{sixes}/36")
        says("compound_interest", f"{2000 * 1.03**2:,.2f}")
        total = Fraction(3, 4) + Fraction(1, 6)
        says("fraction_homework", f"{total.numerator}/{total.denominator}")
        says("binary_to_decimal", str(0b101101))
        assert of["count_vowels"].output == str(
            sum(letter in "aeiou" for letter in of["count_vowels"].input.lower())
        )
        back = {
            ord(letter): string.ascii_uppercase[place - 3]
            for place, letter in enumerate(string.ascii_uppercase)
        }
        assert of["caesar_cipher"].input.translate(back) == of["caesar_cipher"].output
        assert ", ".join(sorted(of["alphabetize_spices"].input.split())) == of["alphabetize_spices"].output
        assert of["reverse_word_order"].input.split()[::-1] == of["reverse_word_order"].output.split()
        assert json.loads(of["pretty_print_json"].input) == json.loads(of["pretty_print_json"].output)
        assert len(json.loads(of["csv_to_json"].output)) == 2

    def test_code_in_answers_runs(self, builtin: list[SeedTask]) -> None:
        of = {seed.name: seed for seed in builtin}

        def run(*sources: str, **names: object) -> dict[str, object]:
            for source in sources:
                exec(source, names)
            return names

        fixed = of["fix_last_index"].output.split("```python\n")[1].split("```")[0]
        assert run(fixed + "\nresult = largest([3, 9, 2])")["result"] == 9
        with pytest.raises(IndexError):
            run(of["fix_last_index"].input + "\nlargest([3, 9, 2])")
        anagram = of["implement_anagram_check"].output
        assert run(anagram + "\nresult = is_anagram('Dirty room', 'dormitory'), is_anagram('ab', 'abb')")[
            "result"
        ] == (True, False)
        loop, comprehension = of["loop_to_comprehension"].input, of["loop_to_comprehension"].output
        assert run(loop, numbers=range(9))["squares"] == run(comprehension, numbers=range(9))["squares"]
        assert run(of["pseudocode_to_python"].output + "\nresult = basket_total([120, 100])")["result"] == 210
        names = run(of["tests_for_slugify"].input, of["tests_for_slugify"].output)
        tests = [value for name, value in names.items() if name.startswith("test_")]
        assert len(tests) == 3
        for test in tests:
            assert callable(test)
            test()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            run(of["trace_python_output"].input)
        assert of["trace_python_output"].output.startswith(printed.getvalue())
        clock = re.compile(of["regex_clock_time"].output.split("\n")[0])
        assert all(clock.match(f"{hour:02}:{minute:02}") for hour in range(24) for minute in range(60))
        assert not any(clock.match(text) for text in ("24:00", "7:45", "07:60", "07:455", "x07:45"))
        database = sqlite3.connect(":memory:")
        database.executescript(
            "create table customers(id, name, city); create table orders(id, customer_id, total);"
            "insert into customers values (1, 'Zoe', ''), (2, 'Abe', ''), (3, 'Bo', '');"
            "insert into orders values (1, 3, 5); create table cities(name, country);"
        )
        assert database.execute(of["sql_customers_without_orders"].output).fetchall() == [("Abe",), ("Zoe",)]
        database.executescript(of["names_to_insert_statement"].output)
        assert database.execute("select count(*) from cities").fetchone() == (3,)
        database.close()

    @pytest.mark.parametrize(
        ("name", "most"),
        [
            ("alliterative_slogan", 6),
            ("refund_request_email", 79),
            ("sales_pitch_umbrella", 50),
            ("museum_label", 30),
            ("headline_for_story", 8),
        ],
    )
    def test_word_limits_are_kept(self, builtin: list[SeedTask], name: str, most: int) -> None:
        (seed,) = (seed for seed in builtin if seed.name == name)
        assert len(seed.output.split()) <= most


class TestReading:
    def test_json_lines(self) -> None:
        data = lines(
            self_instruct(), "", self_instruct(id="b", instances=[{"input": "x", "output": "y"}, {}])
        )
        first, second = parse_seeds(data, "f")
        assert first == SeedTask("a", "hello", "Say hello in French.", "", "Bonjour !", False)
        assert (second.id, second.input, second.output) == ("b", "x", "y")

    def test_alpaca_list(self) -> None:
        data = json.dumps(
            [GOOD, {**GOOD, "input": "  <NoInput> "}, {"instruction": "i", "output": "o"}], indent=4
        )
        seeds = parse_seeds(data.encode(), "f")
        assert [seed.id for seed in seeds] == ["row_0", "row_1", "row_2"]
        assert {seed.input for seed in seeds} == {""}
        assert seeds[0] == SeedTask("row_0", "", GOOD["instruction"], "", GOOD["output"], None)

    def test_either_row_shape_in_either_container(self) -> None:
        rows = [self_instruct(), GOOD]
        in_lines, in_list = parse_seeds(lines(*rows), "f"), parse_seeds(json.dumps(rows).encode(), "f")
        assert in_lines == in_list
        assert [seed.id for seed in in_lines] == ["a", "row_1"]

    def test_byte_order_mark_carriage_returns_and_no_last_newline(self) -> None:
        data = b"\xef\xbb\xbf" + lines(self_instruct(), self_instruct(id="b")).replace(b"\n", b"\r\n")
        assert [seed.id for seed in parse_seeds(data, "f")] == ["a", "b"]

    def test_line_separators_inside_a_string_do_not_end_a_line(self) -> None:
        line = json.dumps(self_instruct(instruction="One\u2028two\x85three four"), ensure_ascii=False)
        (seed,) = parse_seeds(line.encode(), "f")
        assert seed.instruction == "One\u2028two\x85three four"

    def test_ids_are_made_unique_and_numbers_are_ids(self) -> None:
        rows = [self_instruct(id=identity) for identity in ("a", "a-2", "a", "a", 7, None, " ")]
        seeds = parse_seeds(lines(*rows), "f")
        assert [seed.id for seed in seeds] == ["a", "a-2", "a-3", "a-4", "7", "row_5", "row_6"]

    def test_from_disk(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.json"
        path.write_text(json.dumps([GOOD]), encoding="utf-8")
        assert load_file(path)[0].output == "Bonjour !"

    def test_the_seeds_of_self_instruct(self, data_dir: Path) -> None:
        seeds = load_file(data_dir / "seed_tasks.jsonl")
        assert len(seeds) == 175
        assert parse_seeds(to_jsonl(seeds).encode(), "f") == seeds

    def test_a_real_dataset_is_refused_only_for_its_empty_outputs(self, data_dir: Path) -> None:
        path = data_dir / "alpaca_first5000.json"
        rows = json.loads(path.read_text(encoding="utf-8"))
        empty = [number for number, row in enumerate(rows) if not row["output"].strip()]
        assert empty
        with pytest.raises(UserError) as caught:
            load_file(path)
        assert re.findall(r"row (\d+) \(line", caught.value.cause) == [str(number) for number in empty[:5]]
        good = [row for row in rows if row["output"].strip()]
        assert len(parse_seeds(json.dumps(good).encode(), "f")) == len(good)


class TestRefusing:
    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            ("{oops", "not valid JSON"),
            ("17", "a JSON object is needed, this is a number"),
            ('"text"', "a JSON object is needed, this is text"),
            ("[1]", "a JSON object is needed, this is a list"),
            ("null", "a JSON object is needed, this is null"),
            pytest.param("[" * 100_000, "nested too deeply", id="deep"),
            pytest.param('{"n": ' + "9" * 5000 + "}", "not usable JSON", id="digits"),
            ({"output": "x"}, '"instruction" is missing'),
            ({**GOOD, "instruction": 5}, '"instruction" must be text, it is a number'),
            ({**GOOD, "instruction": " \n"}, "the instruction is empty"),
            ({"instruction": "Say it."}, 'neither "instances" nor "output"'),
            ({**GOOD, "input": None}, '"input" must be text, it is null'),
            ({**GOOD, "output": ["x"]}, '"output" must be text, it is a list'),
            ({**GOOD, "output": ""}, "the output is empty"),
            ({**GOOD, "output": "\ud800"}, "half of a surrogate pair"),
            ({**GOOD, "id": True}, '"id" must be text, it is true'),
            ({**GOOD, "name": {}}, '"name" must be text, it is an object'),
            (self_instruct(instances=[]), '"instances" is empty'),
            (self_instruct(instances={}), '"instances" must be a list, it is an object'),
            (self_instruct(instances=["x"]), "the first instance must be an object, it is text"),
            (self_instruct(instances=[{"input": "x"}]), '"output" is missing'),
            (self_instruct(is_classification="no"), '"is_classification" must be true or false, it is text'),
        ],
    )
    def test_a_bad_line_is_named_with_its_reason(self, bad: object, reason: str) -> None:
        error = refusal(lines(self_instruct(), "", bad, self_instruct(id="c")))
        assert error.cause.startswith("line 3: ")
        assert reason in error.cause
        assert "line 4" not in error.cause
        assert "mine.jsonl" in error.title

    def test_a_bad_row_of_a_list_is_named_with_its_line(self) -> None:
        rows = [GOOD, {**GOOD, "output": 4}, GOOD]
        error = refusal(json.dumps(rows, indent=4).encode())
        assert error.cause == 'row 1 (line 7): "output" must be text, it is a number.'

    @pytest.mark.parametrize(
        ("text", "where"),
        [
            (
                '[{"instruction": "a", "output": "b"}\n{"instruction": "a", "output": "b"}]',
                "line 2: a comma is missing",
            ),
            ('[{"instruction": "a", "output": "b"},\n', "row 1 (line 2): not valid JSON"),
            ('[{"instruction": "a", "output": "b"}\n', "line 2: the list is not closed"),
            ('[{"instruction": "a", "output": "b"}]\n\nmore', "line 3: there is more text"),
            ("[\n" * 3 + "{]", "not valid JSON (expecting property name enclosed in double quotes, line 4"),
        ],
    )
    def test_a_broken_list_is_named_with_its_line(self, text: str, where: str) -> None:
        assert where in refusal(text.encode()).cause

    def test_an_object_over_many_lines_is_called_one(self) -> None:
        assert (
            "the whole file is one JSON object"
            in refusal(json.dumps({"data": [GOOD]}, indent=2).encode()).cause
        )

    def test_five_problems_are_named_and_the_rest_counted(self) -> None:
        error = refusal(lines(*["x"] * 8))
        assert re.findall(r"line (\d):", error.cause) == list("12345")
        assert error.cause.endswith("and 3 more.")

    @pytest.mark.parametrize("data", [b"", b" \n\r\n", b"\xef\xbb\xbf", b"[]", b"[ \n ]\n"])
    def test_nothing_in_it(self, data: bytes) -> None:
        assert refusal(data).title == "There are no seed tasks in mine.jsonl"

    def test_no_utf_8(self) -> None:
        error = refusal(lines(self_instruct()) + b"\n" + "é".encode("latin-1"))
        assert error.title == "mine.jsonl is no UTF-8 text"
        assert error.cause.startswith("line 2: byte 0xe9")
        assert "UTF-16" in refusal(to_jsonl([]).encode("utf-16")).cause

    def test_missing_directory_and_impossible_paths(self, tmp_path: Path) -> None:
        for path, title in [
            (tmp_path / "absent.jsonl", "There is no seed file"),
            (tmp_path, "is a directory"),
            (tmp_path / ("a" * 300), "cannot be read"),
            (tmp_path / "nul\0", "cannot be read"),
        ]:
            with pytest.raises(UserError, match=title) as caught:
                load_file(path)
            assert caught.value.next_step

    def test_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "huge.jsonl"
        path.write_bytes(lines(self_instruct()))
        size = path.stat().st_size
        monkeypatch.setattr(room, "MAX_BYTES", size)
        assert len(load_file(path)) == 1
        monkeypatch.setattr(room, "MAX_BYTES", size - 1)
        with pytest.raises(UserError, match="too large"):
            load_file(path)

    def test_escape_sequences_of_a_path_do_not_reach_the_terminal(self, tmp_path: Path) -> None:
        with pytest.raises(UserError) as caught:
            load_file(tmp_path / "\x1b[31mred")
        assert "\x1b" not in str(caught.value)


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_filled = _text.filter(str.strip)
_seeds = st.lists(
    st.builds(
        SeedTask,
        id=_filled.map(str.strip),
        name=_text,
        instruction=_filled,
        input=_text.filter(lambda text: not text or bool(text.strip())),
        output=_filled,
        is_classification=st.sampled_from([True, False, None]),
    ),
    min_size=1,
    unique_by=lambda seed: seed.id,
    max_size=5,
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "instruction", "instances", "input", "output", "is_classification"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


class TestProperties:
    @given(_seeds)
    def test_written_seeds_are_read_back_the_same(self, seeds: list[SeedTask]) -> None:
        assert parse_seeds(to_jsonl(seeds).encode(), "f") == seeds

    @settings(max_examples=300)
    @given(st.binary(max_size=200) | st.text('[]{}",: \n0en\\ud8', max_size=80).map(str.encode))
    def test_arbitrary_bytes_raise_nothing_but_user_errors(self, data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "seeds"
            path.write_bytes(data)
            with contextlib.suppress(UserError):
                load_file(path)

    @given(st.lists(_json, max_size=4), st.booleans())
    def test_arbitrary_json_gives_seeds_or_a_user_error(self, rows: list[object], as_list: bool) -> None:
        data = json.dumps(rows).encode() if as_list else lines(*map(json.dumps, rows))
        with contextlib.suppress(UserError):
            assert all(seed.instruction.strip() and seed.output.strip() for seed in parse_seeds(data, "f"))


class TestReport:
    def test_of_the_builtin_seeds(self, builtin: list[SeedTask]) -> None:
        found = room.report(builtin)
        assert found.count == len(builtin)
        assert found.with_input == sum(bool(seed.input) for seed in builtin)
        assert found.classification == sum(seed.is_classification is True for seed in builtin)
        assert sum(count for _, count in found.first_words) == len(builtin)
        assert found.rejected == ()
        assert found.near_duplicates == ()
        assert found.output_words.least == 1

    def test_rejections_and_near_duplicates_are_listed(self) -> None:
        words = "List seven large cities which lie beside the river Danube in Europe"
        seeds = [
            SeedTask("first", "", words, "", "Vienna and others"),
            SeedTask("bad", "", "Draw a picture of a house by the sea.", "", "no"),
            SeedTask("again", "", words.replace("seven", "six"), "x y z", "Budapest", True),
        ]
        found = room.report(seeds)
        assert [(seed.id, seed.rule) for seed in found.rejected] == [("bad", "forbidden-word")]
        (pair,) = found.near_duplicates
        assert (pair.id, pair.twin) == ("again", "first")
        assert pair.score == rouge(seeds[0].instruction, seeds[2].instruction)
        assert room.report(seeds, threshold=0.95).near_duplicates == ()
        assert found.first_words == (("list", 2), ("draw", 1))
        assert found.input_words == room.Lengths(3, 3, 3, 3, 3)
        assert found.output_words == room.Lengths(1, 1, 1, 2, 3)

    def test_needs_a_seed(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            room.report([])

    def test_first_word_ignores_signs_and_case(self) -> None:
        assert [first_word(text) for text in ("“Hello” there", "  - WHY?", "...", "Fact-check it")] == [
            "hello",
            "why",
            "",
            "fact-check",
        ]
