"""Units of measure and questions of converting one into another.

Factors are exact by definition (NIST SP 811, appendix B) but for astronomical ones, which are left out. Where
a name means different things in different places (ton, gallon, cup) the conversion is left alone unless it
says which.
"""

from __future__ import annotations

import re
from fractions import Fraction

from alpaca_tui.curation.lint.numbers import NUMBER, value_of

_F = Fraction
_UNITS: dict[str, tuple[str, Fraction]] = {}


def _add(kind: str, factor: Fraction, *names: str) -> None:
    for name in names:
        _UNITS[name] = (kind, factor)


_add("length", _F(1, 1000), "millimeter", "millimetre", "mm")
_add("length", _F(1, 100), "centimeter", "centimetre", "cm")
_add("length", _F(1), "meter", "metre", "m")
_add("length", _F(1000), "kilometer", "kilometre", "km")
_add("length", _F("0.0254"), "inch", "inche")
_add("length", _F("0.3048"), "foot", "feet", "ft")
_add("length", _F("0.9144"), "yard", "yd")
_add("length", _F("1609.344"), "mile")
_add("mass", _F(1, 1000), "milligram", "mg")
_add("mass", _F(1), "gram", "g")
_add("mass", _F(1000), "kilogram", "kilo", "kg")
_add("mass", _F("453.59237"), "pound", "lb")
_add("mass", _F("28.349523125"), "ounce", "oz")
_add("volume", _F(1, 1000), "milliliter", "millilitre", "ml")
_add("volume", _F(1), "liter", "litre", "l")
_add("time", _F(1), "second", "sec")
_add("time", _F(60), "minute", "min")
_add("time", _F(3600), "hour", "hr")
_add("time", _F(86400), "day")
_add("time", _F(604800), "week")
_add("data", _F(1), "bit")
_add("data", _F(8), "byte")
_add("speed", _F(1000, 3600), "kilometers per hour", "kilometres per hour", "km/h", "kph", "kmh")
_add("speed", _F("1609.344") / 3600, "miles per hour", "mph")
_add("speed", _F(1), "meters per second", "metres per second", "m/s")
_TEMPERATURES = {
    "celsius": "c",
    "centigrade": "c",
    "c": "c",
    "fahrenheit": "f",
    "f": "f",
    "kelvin": "k",
    "k": "k",
}
_NAME = r"(?:degrees? )?°?\s?(?P<{}>kilomet(?:er|re)s? per hour|met(?:er|re)s? per second|miles per hour|km/h|kph|mph|m/s|[a-z]+)"
_ASKED = (
    re.compile(
        rf"\b(?:convert|change|express)\b (?:the )?(?:following )?(?:(?:length|distance|weight|temperature|speed|time|measurement|value|height)(?: of)? )?(?P<value>-?{NUMBER})\s?{_NAME.format('from')} (?:in)?to {_NAME.format('to')}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\bhow many {_NAME.format('to')} (?:are|is) (?:there )?(?:in|equal to) (?P<value>{NUMBER})\s?{_NAME.format('from')}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\bwhat is (?P<value>-?{NUMBER})\s?{_NAME.format('from')} in {_NAME.format('to')}\b", re.IGNORECASE
    ),
)
_FROM_INPUT = re.compile(
    rf"\b(?:convert|change|express)\b [^.?!\d]{{0,60}}?(?:in)?to {_NAME.format('to')}\s*[.?!:]?$",
    re.IGNORECASE,
)
_ONLY_VALUE = re.compile(rf"\s*(?P<value>-?{NUMBER})\s?{_NAME.format('from')}\s*\.?\s*", re.IGNORECASE)
_ROUGH = Fraction(1, 150)


def conversion(instruction: str, input: str) -> tuple[Fraction, str, Fraction] | None:
    """(right value, what it is in words, relative error that is still right) of a question of converting, or None."""
    found: re.Match[str] | None = None
    if not input.strip():
        for pattern in _ASKED:
            found = pattern.search(instruction)
            if found is not None:
                break
        if found is None or len(re.findall(NUMBER, instruction)) != 1:
            return None
        value, source, target = found["value"], found["from"], found["to"]
    else:
        asked, only = _FROM_INPUT.search(instruction), _ONLY_VALUE.fullmatch(input)
        if asked is None or only is None or re.search(r"\d", instruction):
            return None
        value, source, target = only["value"], only["from"], asked["to"]
    number = value_of(value.lstrip("-")) * (-1 if value.startswith("-") else 1)
    words = f"{value} {source} in {target}"
    right = _temperature(number, source.lower(), target.lower()) or _scaled(
        number, source.lower(), target.lower()
    )
    return None if right is None else (right, words, _ROUGH)


def _temperature(value: Fraction, source: str, target: str) -> Fraction | None:
    old, new = _TEMPERATURES.get(source), _TEMPERATURES.get(target)
    if old is None or new is None or old == new:
        return None
    celsius = value if old == "c" else (value - 32) * 5 / 9 if old == "f" else value - _F("273.15")
    return celsius if new == "c" else celsius * 9 / 5 + 32 if new == "f" else celsius + _F("273.15")


def _scaled(value: Fraction, source: str, target: str) -> Fraction | None:
    old, new = _unit(source), _unit(target)
    if old is None or new is None or old[0] != new[0] or old == new:
        return None
    return value * old[1] / new[1]


def _unit(name: str) -> tuple[str, Fraction] | None:
    return _UNITS.get(name) or (_UNITS.get(name[:-1]) if name.endswith("s") else None)
