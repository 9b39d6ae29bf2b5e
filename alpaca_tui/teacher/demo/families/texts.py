"""Task families about short texts: announcements, reviews and messages, built from known parts, so that
what they say, what they mean and how they read is certain."""

from __future__ import annotations

import json
import random

from alpaca_tui.teacher.demo.families.money import person
from alpaca_tui.teacher.demo.grammar import listing, lower_first, say, upper_first
from alpaca_tui.teacher.demo.knowledge import load_all, rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


def _phrase(rng: random.Random, pattern: str, /, **slots: object) -> str:
    """One expansion of a text pattern of `data/demo/patterns`."""
    return say(rng, rng.choice(load_all("patterns")[pattern]["text"]), **slots)


def _phrases(rng: random.Random, pattern: str, aspects: list[str]) -> list[str]:
    """One sentence per aspect, each from another template."""
    templates = rng.sample(load_all("patterns")[pattern]["text"], len(aspects))
    return [say(rng, template, aspect=aspect) for template, aspect in zip(templates, aspects, strict=True)]


def _announcement(rng: random.Random) -> Slots:
    event = rng.choice(table("events"))
    hour, minute = rng.randint(9, 20), rng.choice(("00", "15", "30", "45"))
    price = rng.choice(("free", f"${rng.randint(2, 18)}", f"${rng.randint(2, 18)}"))
    fields: dict[str, str] = {
        "event": event["event"],
        "place": event["place"],
        "weekday": rng.choice(rows("common", "weekdays")),
        "date": f"{rng.randint(1, 28)} {rng.choice(rows('common', 'months'))}",
        "time": f"{hour:02d}:{minute}",
        "price": price,
        "host": person(rng),
        "town": rng.choice(rows("common", "towns")),
        "seats": str(rng.randrange(10, 90, 5)),
    }
    entry = "entry is free" if price == "free" else f"tickets cost {price}"
    extra = _phrase(rng, "announcement-extra", **fields)
    text = _phrase(rng, "announcement", entry=entry, **fields)
    return fields | {
        "entry": entry,
        "text": upper_first(f"{text} {extra}"),
        "event_bare": fields["event"].removeprefix("the "),
        "cost": "nothing, it is free" if price == "free" else price,
    }


@REGISTER.family("announcement-question", weight=2.2, frame="desk")
def announcement_question(rng: random.Random) -> Slots:
    slots = _announcement(rng)
    asked, answer = rng.choice(
        (
            ("where", f"At {slots['place']} in {slots['town']}."),
            ("when", f"On {slots['weekday']}, {slots['date']}, at {slots['time']}."),
            ("cost", f"{upper_first(slots['cost'])}."),
            ("host", f"{slots['host']}."),
            ("seats", f"{slots['seats']}."),
        )
    )
    return slots | {"form": asked, "answer": answer}


@REGISTER.family("announcement-extract", weight=1.8, frame="desk")
def announcement_extract(rng: random.Random) -> Slots:
    slots = _announcement(rng)
    keys = rng.sample(("event", "place", "town", "date", "time", "price", "host"), rng.randint(3, 4))
    values = {key: slots["event_bare"] if key == "event" else slots[key] for key in keys}
    return slots | {
        "keys": listing(keys),
        "json": json.dumps(values, ensure_ascii=False),
        "lines": "\n".join(f"{key.capitalize()}: {value}" for key, value in values.items()),
        "wanted": keys,
    }


@REGISTER.family("announcement-rewrite", weight=1.9, frame="desk")
def announcement_rewrite(rng: random.Random) -> Slots:
    slots = _announcement(rng)
    facts = [slots["event_bare"], slots["place"], f"{slots['weekday']} {slots['date']}", slots["time"]]
    return slots | {
        "notes": f"{'; '.join(facts)}; {slots['entry']}; contact {slots['host']}",
        "summary": _phrase(rng, "announcement-summary", **slots),
        "headline": upper_first(_phrase(rng, "announcement-headline", **slots)),
        "reminder": _phrase(rng, "announcement-reminder", **slots),
        "formal": _phrase(rng, "announcement-formal", **slots),
    }


@REGISTER.family("review-sentiment", weight=2.0, frame="desk")
def review_sentiment(rng: random.Random) -> Slots:
    return _review(rng)


@REGISTER.family("review-aspects", weight=1.8, frame="desk")
def review_aspects(rng: random.Random) -> Slots:
    return _review(rng, mixed=True)


@REGISTER.family("review-reply", weight=1.1, frame="desk")
def review_reply(rng: random.Random) -> Slots:
    return _review(rng, mixed=rng.random() < 0.4)


def _review(rng: random.Random, *, mixed: bool = False) -> Slots:
    """A review of a product whose good and bad aspects are known."""
    product = rng.choice(table("reviewed"))
    aspects = rng.sample(product["aspects"], 3)
    feeling = "mixed" if mixed else rng.choice(("positive", "negative"))
    good, bad = ([], aspects[:2]) if feeling == "negative" else (aspects[:2], [])
    if mixed:
        good, bad = aspects[:1], aspects[1:2]
    parts = _phrases(rng, "praise", good)
    complaints = _phrases(rng, "complaint", bad)
    if mixed:
        complaints = [f"However, {lower_first(complaints[0])}"]
    opening = _phrase(rng, f"review-opening-{feeling}", item=product["item"])
    ending = _phrase(rng, f"review-ending-{feeling}", item=product["item"])
    return {
        "item": product["item"],
        "place": product["kind"],
        "feeling": feeling,
        "name": person(rng),
        "review": " ".join([opening, *parts, *complaints, ending]),
        "opening": opening,
        "recommend": {"positive": "Yes", "negative": "No", "mixed": "Only in part"}[feeling],
        "why": listing(good or bad),
        **({"liked": listing(good)} if good else {}),
        **({"disliked": listing(bad)} if bad else {}),
        **({"only_liked": listing(good)} if not bad else {}),
        **({"only_disliked": listing(bad)} if not good else {}),
    }


@REGISTER.family("ticket-routing", weight=2.1, frame="desk")
def ticket_routing(rng: random.Random) -> Slots:
    departments = table("departments")
    row, other, third = rng.sample(departments, 3)
    message = rng.choice(row["messages"])
    greeting = _phrase(rng, "greeting")
    name = person(rng)
    return {
        "shop": rng.choice(rows("common", "shops")),
        "department": row["department"],
        "options": listing(sorted(item["department"] for item in (row, other, third)), "or"),
        "message": f"{greeting} {message}",
        "short": message,
        "name": name,
        "gist": row["gist"],
        "reply": _phrase(rng, "ticket-reply", department=row["department"], gist=row["gist"], name=name),
    }


@REGISTER.family("spam-check", weight=0.9, frame="desk")
def spam_check(rng: random.Random) -> Slots:
    spam = rng.random() < 0.5
    row = rng.choice(table("spam" if spam else "no-spam"))
    return {
        "message": row["message"],
        "reason": row["reason"],
        "verdict": "Spam" if spam else "Not spam",
        "name": person(rng),
        "place": rng.choice(rows("common", "shops")),
    }


@REGISTER.family("letter", weight=2.5, frame="desk")
def letter(rng: random.Random) -> Slots:
    occasion = rng.choice(table("occasions"))
    sender, receiver = rng.sample(rows("common", "names"), 2)
    day, hour = rng.choice(rows("common", "weekdays")), rng.randint(8, 18)
    details: Slots = {
        "sender": sender,
        "receiver": receiver,
        "day": day,
        "hour": f"{hour}:00",
        "event": rng.choice(table("events"))["event"],
        "item": rng.choice(table("expensive"))["one"],
    }
    task = say(rng, occasion["task"], **details)
    body = say(rng, occasion["body"], **details)
    return details | {
        "task": lower_first(task),
        "body": body,
        "opening": _phrase(rng, "letter-opening", **details),
        "ending": _phrase(rng, "letter-ending", **details),
        "subject": upper_first(say(rng, occasion["subject"], **details)),
    }


@REGISTER.family("topic-sentence", weight=2.1)
def topic_sentence(rng: random.Random) -> Slots:
    first, second, third = rng.sample(table("topics"), 3)
    sentence = rng.choice(first["sentences"])
    return {
        "topic": first["topic"],
        "options": listing(sorted((first["topic"], second["topic"], third["topic"])), "or"),
        "sentence": sentence,
        "pair": "\n".join(
            f"{number}. {text}" for number, text in enumerate((sentence, rng.choice(second["sentences"])), 1)
        ),
        "other": second["topic"],
    }


@REGISTER.family("fact-or-opinion", weight=0.9)
def fact_or_opinion(rng: random.Random) -> Slots:
    row = rng.choice(table("statements"))
    other = rng.choice([item for item in table("statements") if item["kind"] != row["kind"]])
    return {
        "statement": row["statement"],
        "kind": row["kind"],
        "why": "it can be checked" if row["kind"] == "fact" else "it expresses a personal judgement",
        "pair": "\n".join(
            f"{mark}) {text}" for mark, text in zip("AB", (row["statement"], other["statement"]), strict=True)
        ),
        "mark": "A" if row["kind"] == "opinion" else "B",
    }


@REGISTER.family("chat-order", weight=1.5, frame="desk")
def chat_order(rng: random.Random) -> Slots:
    goods = rng.sample(table("goods"), 2)
    count1, count2 = rng.randint(2, 12), rng.randint(2, 12)
    fields = {
        "name": person(rng),
        "count1": count1,
        "first": goods[0]["many"],
        "count2": count2,
        "second": goods[1]["many"],
        "day": rng.choice(rows("common", "weekdays")),
        "town": rng.choice(rows("common", "towns")),
        "number": rng.randint(1000, 9999),
    }
    data = {
        "customer": fields["name"],
        "items": {goods[0]["many"]: count1, goods[1]["many"]: count2},
        "day": fields["day"],
        "town": fields["town"],
    }
    return fields | {
        "text": _phrase(rng, "order", **fields),
        "json": json.dumps(data),
        "lines": f"- {count1} {goods[0]['many']}\n- {count2} {goods[1]['many']}",
        "total": count1 + count2,
        "confirmation": _phrase(rng, "order-confirmation", **fields),
    }
