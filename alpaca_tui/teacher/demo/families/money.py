"""Task families about money: prices, change, tips, interest, wages, shares. Amounts are whole cents."""

from __future__ import annotations

import random

from alpaca_tui.teacher.demo.grammar import listing, money
from alpaca_tui.teacher.demo.knowledge import Row, rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()
_RATIOS = ((1, 2), (1, 3), (2, 3), (3, 4), (2, 5), (3, 5), (4, 5), (3, 7), (1, 4), (5, 6))
_PLURAL_CURRENCIES = ("yen", "baht", "ringgit", "won", "naira")  # words that are their own plural


def person(rng: random.Random) -> str:
    return rng.choice(rows("common", "names"))


def price_of(rng: random.Random, good: Row) -> int:
    """A price in cents within the good's range, ending in 0 or 5."""
    return rng.randrange(int(good["low"]), int(good["high"]) + 1, 5)


@REGISTER.family("discount")
def discount(rng: random.Random) -> Slots:
    item = rng.choice(table("expensive"))
    price = rng.randrange(int(item["low"]), int(item["high"]) + 1, 4) * 100
    percent = rng.choice((5, 10, 15, 20, 25, 30, 35, 40, 45, 60))
    off = price * percent // 100
    return {
        "item": item["one"],
        "name": person(rng),
        "price_cents": price,
        "price": money(price),
        "percent": percent,
        "off": money(off),
        "final_cents": price - off,
        "final": money(price - off),
    }


@REGISTER.family("shopping-total", weight=1.4)
def shopping_total(rng: random.Random) -> Slots:
    goods = rng.sample(table("goods"), 2)
    (count1, price1), (count2, price2) = ((rng.randint(2, 12), price_of(rng, good)) for good in goods)
    total = count1 * price1 + count2 * price2
    return {
        "name": person(rng),
        "first": goods[0]["many"],
        "second": goods[1]["many"],
        "seller": goods[0]["seller"],
        "count1": count1,
        "price1": money(price1),
        "sum1": money(count1 * price1),
        "count2": count2,
        "price2": money(price2),
        "sum2": money(count2 * price2),
        "cents": (price1, price2),
        "total_cents": total,
        "total": money(total),
    }


@REGISTER.family("change", weight=1.7)
def change(rng: random.Random) -> Slots:
    good = rng.choice([good for good in table("goods") if int(good["high"]) <= 1000])
    price, count = price_of(rng, good), rng.randint(2, 6)
    paid = next(note for note in (500, 1000, 2000, 5000, 10000) if note > price * count)
    return {
        "name": person(rng),
        "count": count,
        "goods": good["many"],
        "seller": good["seller"],
        "price_cents": price,
        "price": money(price),
        "sum": money(price * count),
        "paid_cents": paid,
        "paid": money(paid),
        "change_cents": paid - price * count,
        "change": money(paid - price * count),
    }


@REGISTER.family("split-bill", weight=0.6)
def split_bill(rng: random.Random) -> Slots:
    people, tip = rng.randint(2, 8), rng.choice((5, 10, 15, 20, 25))
    share = rng.randrange(600, 4200, 20)
    total = share * people
    # The bill before the tip must be a whole number of cents: take the nearest below that is.
    while total * 100 % (100 + tip):
        share += 20
        total = share * people
    bill = total * 100 // (100 + tip)
    return {
        "people": people,
        "tip": tip,
        "bill_cents": bill,
        "bill": money(bill),
        "tip_amount": money(total - bill),
        "total": money(total),
        "share_cents": share,
        "share": money(share),
        "names": listing(rng.sample(rows("common", "names"), 3)),
    }


@REGISTER.family("unit-price", weight=1.4)
def unit_price(rng: random.Random) -> Slots:
    good = rng.choice([good for good in table("goods") if int(good["high"]) <= 700])
    each1 = price_of(rng, good)
    each2 = each1 + rng.choice((-25, -20, -15, -10, -5, 5, 10, 15, 20))
    if each2 <= 0:
        each2 = each1 + 10
    pack1, pack2 = rng.sample(range(2, 13), 2)
    cheaper = "first" if each1 < each2 else "second"
    return {
        "goods": good["many"],
        "one": good["one"],
        "seller": good["seller"],
        "pack1": pack1,
        "price1": money(pack1 * each1),
        "each1": money(each1),
        "pack2": pack2,
        "price2": money(pack2 * each2),
        "each2": money(each2),
        "cents": (pack1 * each1, pack2 * each2),
        "cheaper": cheaper,
        "best": pack1 if each1 < each2 else pack2,
    }


@REGISTER.family("percent-change", weight=1.3)
def percent_change(rng: random.Random) -> Slots:
    percent = rng.choice((5, 10, 12, 15, 20, 24, 25, 30, 35, 40, 50, 60, 75))
    old = rng.randint(2, 45) * 100
    up = rng.random() < 0.55
    new = old + old * percent // 100 * (1 if up else -1)
    subject = rng.choice(table("counted"))
    return {
        "subject": subject["subject"],
        "place": subject["place"],
        "old": f"{old:,}",
        "new": f"{new:,}",
        "old_value": old,
        "new_value": new,
        "percent": percent,
        "direction": "increase" if up else "decrease",
        "verb": "rose" if up else "fell",
        "difference": f"{abs(new - old):,}",
    }


@REGISTER.family("simple-interest", weight=0.7)
def simple_interest(rng: random.Random) -> Slots:
    principal, rate, years = rng.randint(2, 90) * 100, rng.randint(1, 8), rng.randint(2, 6)
    interest = principal * rate * years  # in cents: dollars × percent / 100 × 100
    return {
        "name": person(rng),
        "principal_dollars": principal,
        "principal": money(principal * 100),
        "rate": rate,
        "years": years,
        "interest": money(interest),
        "yearly": money(principal * rate),
        "total": money(principal * 100 + interest),
        "interest_cents": interest,
    }


@REGISTER.family("saving-weeks", weight=1.2)
def saving_weeks(rng: random.Random) -> Slots:
    item = rng.choice(table("expensive"))
    weekly, weeks, start = rng.randint(4, 25), rng.randint(4, 16), rng.randint(5, 60)
    return {
        "name": person(rng),
        "item": item["one"],
        "weekly": weekly,
        "weeks": weeks,
        "start": start,
        "price": start + weekly * weeks,
        "missing": weekly * weeks,
    }


@REGISTER.family("wage", weight=0.6)
def wage(rng: random.Random) -> Slots:
    hours, rate, extra = rng.randint(12, 40), rng.randrange(12, 30, 2), rng.randint(2, 9)
    job = rng.choice(table("jobs"))
    overtime = rate * 3 // 2
    return {
        "name": person(rng),
        "job": job["job"],
        "hours": hours,
        "rate": rate,
        "extra": extra,
        "overtime_rate": overtime,
        "base": f"{hours * rate:,}",
        "overtime": extra * overtime,
        "total": f"{hours * rate + extra * overtime:,}",
    }


@REGISTER.family("ratio-share", weight=1.2)
def ratio_share(rng: random.Random) -> Slots:
    first, second = rng.choice(_RATIOS)
    if rng.random() < 0.5:
        first, second = second, first
    unit = rng.randint(3, 40)
    name1, name2 = rng.sample(rows("common", "names"), 2)
    return {
        "name1": name1,
        "name2": name2,
        "first": first,
        "second": second,
        "parts": first + second,
        "unit": unit,
        "total": unit * (first + second),
        "thing": rng.choice(rows("common", "small_things")),
        "share1": unit * first,
        "share2": unit * second,
    }


@REGISTER.family("exchange", weight=0.5)
def exchange(rng: random.Random) -> Slots:
    # Made-up rates, stated in the task itself, so that the answer never goes out of date.
    country = rng.choice([row for row in table("countries") if row.get("currency") in _PLURAL_CURRENCIES])
    rate, amount = rng.randrange(12, 400, 2), rng.randrange(20, 500, 10)
    return {
        "country": country["country"],
        "currency": country["currency"],
        "rate": rate,
        "amount": amount,
        "result": f"{rate * amount:,}",
        "result_value": rate * amount,
    }


@REGISTER.family("tax", weight=0.8)
def tax(rng: random.Random) -> Slots:
    item = rng.choice(table("expensive"))
    net = rng.randrange(int(item["low"]), int(item["high"]) + 1, 5) * 100
    percent = rng.choice((4, 5, 6, 7, 8, 9, 12, 19, 21))
    return {
        "item": item["one"],
        "net": money(net),
        "net_cents": net,
        "percent": percent,
        "tax": money(net * percent // 100),
        "gross": money(net + net * percent // 100),
        "gross_cents": net + net * percent // 100,
    }


@REGISTER.family("profit", weight=1.4)
def profit(rng: random.Random) -> Slots:
    good = rng.choice(table("goods"))
    cost = price_of(rng, good)
    price = cost + rng.randrange(20, 300, 5)
    count = rng.randint(8, 60)
    return {
        "name": person(rng),
        "goods": good["many"],
        "one": good["one"],
        "count": count,
        "cost": money(cost),
        "price": money(price),
        "margin": money(price - cost),
        "profit": money(count * (price - cost)),
        "cents": (cost, price),
        "profit_cents": count * (price - cost),
    }
