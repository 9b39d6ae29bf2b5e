"""Task families about code: reading and writing small Python, SQL, shell, expressions with sure results."""

from __future__ import annotations

import random

from alpaca_tui.teacher.demo.families.letters import category_members, nouns
from alpaca_tui.teacher.demo.knowledge import table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


def unfolded(text: str) -> str:
    """Code of the knowledge base with its line breaks (⏎ there)."""
    return text.replace("⏎", "\n")


def source(row: dict[str, str]) -> str:
    """The whole function of a row of the table python-functions."""
    body = "\n".join(f"    {line}" for line in unfolded(row["body"]).splitlines())
    return f"def {row['name']}({row['arguments']}):\n{body}"


@REGISTER.family("python-function", weight=2.1, frame="code")
def python_function(rng: random.Random) -> Slots:
    row = rng.choice(table("python-functions"))
    return {
        "name": row["name"],
        "arguments": row["arguments"],
        "task": row["task"],
        "code": source(row),
        "call": row["call"],
        "result": row["result"],
    }


@REGISTER.family("python-output", weight=2.0, frame="code")
def python_output(rng: random.Random) -> Slots:
    """Expressions whose value Python itself worked out: `evaluate` is their independent meaning."""
    a, b, c = rng.randint(2, 20), rng.randint(2, 9), rng.randint(2, 9)
    word, other = nouns(rng, 2)
    numbers = rng.sample(range(1, 40), rng.randint(3, 5))
    place = rng.randrange(len(numbers))
    cut = rng.randint(2, 4)
    expressions = (
        (f"{a} // {b} + {c}", a // b + c),
        (f"{a * b + c} % {b}", (a * b + c) % b),
        (f"{b} ** 2 - {c}", b**2 - c),
        (f"len('{word}')", len(word)),
        (f"'{word}'.upper()", repr(word.upper())),
        (f"'{word}'[:{cut}]", repr(word[:cut])),
        (f"'{word}'[-{cut}:]", repr(word[-cut:])),
        (f"'{word}'[::-1]", repr(word[::-1])),
        (f"'{word[0]}' in '{other}'", word[0] in other),
        (f"'{word}' + '-' + '{other}'", repr(f"{word}-{other}")),
        (f"'{word[:3]}' * {min(b, 4)}", repr(word[:3] * min(b, 4))),
        (f"sum({numbers})", sum(numbers)),
        (f"max({numbers}) - min({numbers})", max(numbers) - min(numbers)),
        (f"sorted({numbers})", sorted(numbers)),
        (f"{numbers}[{place}]", numbers[place]),
        (f"len({numbers}) * {b}", len(numbers) * b),
        (f"[n * {b} for n in {numbers}]", [n * b for n in numbers]),
        (f"[n for n in {numbers} if n > {a}]", [n for n in numbers if n > a]),
        (f"list(range({b}, {b + 3 * c}, {c}))", list(range(b, b + 3 * c, c))),
        (f"{a} > {b} and {c} < {b}", a > b and c < b),
        (f"not {a} > {b} or {c} > {a}", not a > b or c > a),
    )
    expression, value = rng.choice(expressions)
    return {"expression": expression, "value": str(value), "kind": type(value).__name__}


@REGISTER.family("loop-output", weight=1.4, frame="code")
def loop_output(rng: random.Random) -> Slots:
    start, step, times = rng.randint(1, 12), rng.randint(2, 7), rng.randint(3, 6)
    variable = rng.choice(("total", "height", "score", "points", "level", "coins"))
    kind = rng.choice(("add", "double", "while"))
    if kind == "add":
        code = (
            f"{variable} = {start}\nfor step in range({times}):\n    {variable} += {step}\nprint({variable})"
        )
        value, passes = start + step * times, times
    elif kind == "double":
        times = min(times, 5)
        code = f"{variable} = {start}\nfor step in range({times}):\n    {variable} *= 2\nprint({variable})"
        value, passes = start * 2**times, times
    else:
        limit = start + step * times - rng.randint(0, step - 1)
        code = (
            f"{variable} = {start}\nwhile {variable} < {limit}:\n    {variable} += {step}\nprint({variable})"
        )
        value, passes = start, 0
        while value < limit:
            value, passes = value + step, passes + 1
    return {"variable": variable, "code": code, "value": value, "times": passes}


@REGISTER.family("python-bug", weight=1.1, frame="code")
def python_bug(rng: random.Random) -> Slots:
    row = rng.choice(table("python-bugs"))
    return {"wrong": unfolded(row["wrong"]), "right": unfolded(row["right"]), "why": row["why"]}


@REGISTER.family("sql", weight=1.9, frame="code")
def sql(rng: random.Random) -> Slots:
    kind = rng.choice(
        [row for row in table("record-kinds") if " " not in row["first"] + row["second"] + row["entity"]]
    )
    name = "shelves" if kind["entity"] == "shelf" else f"{kind['entity']}s"
    first, second = kind["first"], kind["second"]
    limit = rng.randint(int(kind["low1"]), int(kind["high1"]))
    value = rng.choice(kind["names"])
    count = rng.randint(2, 10)
    queries = (
        (
            f"all columns of the rows with {first} above {limit}",
            f"SELECT * FROM {name} WHERE {first} > {limit};",
        ),
        (f"the {second} of {value}", f"SELECT {second} FROM {name} WHERE name = '{value}';"),
        (
            f"the number of rows with {first} below {limit}",
            f"SELECT COUNT(*) FROM {name} WHERE {first} < {limit};",
        ),
        (
            f"every name, sorted by {second} from high to low",
            f"SELECT name FROM {name} ORDER BY {second} DESC;",
        ),
        (f"the average {first}", f"SELECT AVG({first}) FROM {name};"),
        (
            f"the {count} rows with the highest {first}",
            f"SELECT * FROM {name} ORDER BY {first} DESC LIMIT {count};",
        ),
        (
            f"the total {second} of rows with {first} of {limit} or more",
            f"SELECT SUM({second}) FROM {name} WHERE {first} >= {limit};",
        ),
        (f"the highest {second}", f"SELECT MAX({second}) FROM {name};"),
    )
    wish, query = rng.choice(
        [pair for pair in queries if "'" not in value or "'" not in pair[1].replace(f"'{value}'", "")]
    )
    if "'" in value:
        query = query.replace(f"'{value}'", "'" + value.replace("'", "''") + "'")
    return {
        "table": name,
        "columns": f"name, {first} and {second}",
        "wish": wish,
        "query": query,
        "about": kind["about"],
        "column": first,
        "limit": limit,
    }


@REGISTER.family("boolean", weight=1.2)
def boolean(rng: random.Random) -> Slots:
    p, q, r = (rng.random() < 0.5 for _ in range(3))
    forms = (
        ("P and Q", p and q),
        ("P or Q", p or q),
        ("not P or Q", not p or q),
        ("P and not Q", p and not q),
        ("(P or Q) and R", (p or q) and r),
        ("P and (Q or not R)", p and (q or not r)),
        ("not (P and R)", not (p and r)),
        ("(P and Q) or R", (p and q) or r),
        ("not P and not Q", not p and not q),
    )
    expression, value = rng.choice(forms)
    return {
        "p": str(p).lower(),
        "q": str(q).lower(),
        "r": str(r).lower(),
        "expression": expression,
        "value": str(value).lower(),
    }


@REGISTER.family("set-operations", weight=1.4)
def set_operations(rng: random.Random) -> Slots:
    category, _, members = category_members(rng)
    first = sorted(members[:4])
    second = sorted(members[2:5] + members[5:6])
    both = [member for member in first if member in second]
    return {
        "category": category,
        "first": ", ".join(first),
        "second": ", ".join(second),
        "both": ", ".join(both),
        "either": ", ".join(sorted(set(first) | set(second))),
        "only": ", ".join(member for member in first if member not in second),
        "count": len(set(first) | set(second)),
    }


@REGISTER.family("cron", frame="code")
def cron(rng: random.Random) -> Slots:
    minute, hour = rng.choice((0, 5, 15, 30, 45)), rng.randint(0, 23)
    days = table("cron-days")
    kind = rng.choice(("daily", "weekly", "monthly", "hourly"))
    clock = f"{hour:02d}:{minute:02d}"
    if kind == "daily":
        line, text = f"{minute} {hour} * * *", f"every day at {clock}"
    elif kind == "weekly":
        day = rng.choice(days)
        line, text = f"{minute} {hour} * * {day['number']}", f"every {day['day']} at {clock}"
    elif kind == "monthly":
        date = rng.randint(1, 28)
        line, text = f"{minute} {hour} {date} * *", f"on day {date} of every month at {clock}"
    else:
        line, text = f"{minute} * * * *", f"every hour at minute {minute}"
    return {
        "line": line,
        "text": text,
        "job": rng.choice(("backup", "report", "clean-up", "e-mail digest", "sync")),
    }
