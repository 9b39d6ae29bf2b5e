"""What a workspace holds, in numbers: read from counters that triggers keep, so that it costs the same
for a hundred rows and for a million."""

from __future__ import annotations

from collections import Counter

from alpaca_tui.store.database import Database
from alpaca_tui.store.rows import Acceptance, Tally


class Tallies:
    """The part of the store that counts."""

    _db: Database

    def tally(self) -> Tally:
        """Everything there is, by kind and verdict."""
        return read_tally(self._db)

    def nearest_histogram(self, bins: int = 20) -> list[int]:
        """How many candidates have a nearest score in each of `bins` equal parts of 0..1 (the last one
        includes 1). ValueError unless `bins` divides 100."""
        if bins < 1 or 100 % bins:
            raise ValueError(f"bins must divide 100, not {bins}")
        histogram = [0] * bins
        with self._db.read() as db:
            rows = db.execute(
                "SELECT name, count FROM counter WHERE name >= 'score/' AND name < 'score0'"
            ).fetchall()
        for name, count in rows:
            histogram[int(name.removeprefix("score/")) * bins // 100] += count
        return histogram

    def acceptance(self, bucket: int = 1) -> list[Acceptance]:
        """How many candidates were kept of those judged, over every `bucket` judged completions, in the
        order they finished. Truncated candidates count for neither, and answers that came when the goal
        was reached are left out."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT finish_order, kept_count, judged_count FROM completion "
                "WHERE finish_order IS NOT NULL AND judged = 1 AND id NOT IN (SELECT completion_id "
                "FROM candidate WHERE verdict = 'surplus' AND superseded = 0) ORDER BY finish_order"
            ).fetchall()
        return [
            Acceptance(part[-1][0], sum(row[1] for row in part), sum(row[2] for row in part))
            for part in (rows[start : start + bucket] for start in range(0, len(rows), bucket))
        ]


def read_tally(db: Database) -> Tally:
    """`Tallies.tally`, for the other parts of the store."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT name, count FROM counter WHERE count <> 0 AND name < 'score/'"
        ).fetchall()
    counts: Counter[str] = Counter()
    filtered: dict[str, int] = {}
    completions: dict[str, int] = {}
    for name, count in rows:
        kind, *parts = name.split("/")
        if kind == "completion":
            purpose, state = parts
            if purpose == "generate":
                completions[state] = completions.get(state, 0) + count
        elif kind == "candidate":
            verdict, rule = parts[0], "/".join(parts[1:])
            counts["candidates"] += count
            if verdict == "filtered":
                filtered[rule] = filtered.get(rule, 0) + count
            elif verdict != "kept":  # what is kept now is a matter of rows: they can be deleted
                counts[verdict] += count
        elif kind == "example":
            _add_examples(counts, *parts, count=count)
    return Tally(
        kept=counts["kept"],
        with_input=counts["with_input"],
        imported=counts["imported"],
        manual=counts["manual"],
        deleted=counts["deleted"],
        withdrawn=counts["withdrawn"],
        exportable=counts["exportable"],
        candidates=counts["candidates"],
        duplicates=counts["duplicate"],
        filtered=dict(sorted(filtered.items())),
        truncated=counts["truncated"],
        surplus=counts["surplus"],
        completions=completions,
    )


def _add_examples(
    counts: Counter[str],
    source: str,
    status: str,
    deleted: str,
    withdrawn: str,
    with_input: str,
    *,
    count: int,
) -> None:
    if withdrawn == "1":
        counts["withdrawn"] += count
        return
    if deleted == "1":
        counts["deleted"] += count
        return
    counts["kept" if source == "generated" else source] += count
    if source == "generated" and with_input == "1":
        counts["with_input"] += count
    if status != "rejected":
        counts["exportable"] += count
