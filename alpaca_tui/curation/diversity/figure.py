"""The two-ring figure of the self-instruct paper (figure 2): the most frequent root verbs, around them their most
frequent objects. As plain values, and drawn as SVG, HTML and PNG.

Knows counts and words; words of a dataset are untrusted and escaped wherever they are drawn.
"""

from __future__ import annotations

import html
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alpaca_tui.atomic import atomic_write_text, atomic_writer
from alpaca_tui.errors import UserError

VERBS = 20
OBJECTS = 4
_SIZE = 760
_MIDDLE = _SIZE / 2
_INNER = (96.0, 226.0)
_OUTER = (230.0, 330.0)
_HUES = (28, 205, 140, 340, 52, 265, 175, 10, 90, 230)
_SMALLEST_LABEL = 0.018
"""Part of the circle from which a name fits beside its neighbours."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A verb, how many instructions have it, and its most frequent objects with their counts."""

    verb: str
    count: int
    objects: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Figure:
    """What is drawn. instructions: in all; counted: those in the figure's pairs; verbs, pairs: how many
    different ones there are in all."""

    slices: Sequence[Slice]
    instructions: int
    counted: int
    verbs: int
    pairs: int


def figure_of(
    pairs: Mapping[tuple[str | None, str | None], int] | Iterable[tuple[str | None, str | None]],
    verbs: int = VERBS,
    objects: int = OBJECTS,
) -> Figure:
    """The figure of (verb, object) pairs, each counted. Equal counts stand in alphabetical order."""
    counts = Counter[tuple[str | None, str | None]]()
    counts.update(pairs)
    # As in the paper, an instruction counts for its verb where it has an object too.
    by_verb: dict[str, dict[str, int]] = {}
    for (verb, object), count in counts.items():
        if verb is not None and object is not None:
            by_verb.setdefault(verb, {})[object] = count
    ranked = sorted(
        ((sum(found.values()), verb) for verb, found in by_verb.items()), key=lambda item: (-item[0], item[1])
    )
    slices = [
        Slice(verb, count, sorted(by_verb[verb].items(), key=lambda item: (-item[1], item[0]))[:objects])
        for count, verb in ranked[:verbs]
    ]
    return Figure(
        slices,
        sum(counts.values()),
        sum(count for one in slices for _, count in one.objects),
        len({verb for verb, _ in counts if verb is not None}),
        sum(1 for verb, object in counts if verb is not None and object is not None),
    )


def write_figure(figure: Figure, path: Path, title: str, *, dark: bool = False) -> None:
    """Draw the figure into a file: `.svg`, `.html` or `.png`, by its name. Whole or not at all. Raises UserError."""
    match path.suffix.lower():
        case ".svg":
            atomic_write_text(path, svg(figure, title, dark=dark))
        case ".html" | ".htm":
            atomic_write_text(path, page(figure, title, dark=dark))
        case ".png":
            picture = png(figure, title, dark=dark)
            with atomic_writer(path) as file:
                file.write(picture)
        case suffix:
            raise UserError(
                f"A figure cannot be written as {suffix or 'a file without an ending'}",
                "There are SVG, PNG and HTML.",
                "Let the name end in .svg, .png or .html.",
                exit_code=2,
            )


@dataclass(frozen=True, slots=True)
class _Arc:
    """A piece of a ring: from and to as parts of the circle, its words, its place in the colours."""

    start: float
    end: float
    label: str
    told: str
    verb: int
    shade: int


def _arcs(figure: Figure) -> tuple[list[_Arc], list[_Arc]]:
    """The verbs' ring and the objects' ring. A verb is as wide as its objects shown."""
    total = sum(count for one in figure.slices for _, count in one.objects) or 1
    inner: list[_Arc] = []
    outer: list[_Arc] = []
    at = 0.0
    for place, one in enumerate(figure.slices):
        start = at
        for shade, (object, count) in enumerate(one.objects):
            end = at + count / total
            outer.append(_Arc(at, end, object, f"{one.verb} {object}: {count:,}", place, shade + 1))
            at = end
        inner.append(_Arc(start, at, one.verb, f"{one.verb}: {one.count:,}", place, 0))
    return inner, outer


def _color(arc: _Arc, *, dark: bool) -> tuple[int, int, int]:
    hue = (_HUES[arc.verb % len(_HUES)] + 9 * (arc.verb // len(_HUES))) / 360
    light = (0.42 if dark else 0.60) + 0.055 * arc.shade
    saturation = 0.45 if dark else 0.58
    import colorsys

    red, green, blue = colorsys.hls_to_rgb(hue, min(light, 0.9), saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _point(part: float, radius: float) -> tuple[float, float]:
    angle = 2 * math.pi * part - math.pi / 2
    return _MIDDLE + radius * math.cos(angle), _MIDDLE + radius * math.sin(angle)


# --- SVG and HTML


def svg(figure: Figure, title: str, *, dark: bool = False) -> str:
    """The figure as an SVG of its own: no script, no font and no file from elsewhere."""
    ink, ground, edge = ("#ece4d8", "#171513", "#171513") if dark else ("#33291f", "#ffffff", "#ffffff")
    inner, outer = _arcs(figure)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE + 40}" width="{_SIZE}" height="{_SIZE + 40}" '
        f'font-family="system-ui, sans-serif" role="img" aria-label="{html.escape(title, quote=True)}">',
        f'<rect width="100%" height="100%" fill="{ground}"/>',
        f'<text x="{_MIDDLE}" y="30" text-anchor="middle" font-size="18" fill="{ink}">{html.escape(title)}</text>',
        '<g transform="translate(0 34)">',
    ]
    for ring, (near, far) in ((inner, _INNER), (outer, _OUTER)):
        for arc in ring:
            red, green, blue = _color(arc, dark=dark)
            parts.append(
                f'<path d="{_path(arc, near, far)}" fill="rgb({red},{green},{blue})" stroke="{edge}" stroke-width="1">'
                f"<title>{html.escape(arc.told)}</title></path>"
            )
        for arc in ring:
            if arc.end - arc.start >= _SMALLEST_LABEL / (2 if ring is outer else 1):
                parts.append(
                    _label(
                        arc, near, far, ink="#ffffff" if dark else "#1c1712", size=12 if ring is inner else 10
                    )
                )
    told = f"{figure.counted:,} of {figure.instructions:,}"
    for line, (y, size) in zip((told, "instructions"), ((_MIDDLE - 2, 15), (_MIDDLE + 16, 12)), strict=True):
        parts.append(
            f'<text x="{_MIDDLE}" y="{y}" text-anchor="middle" font-size="{size}" fill="{ink}">{line}</text>'
        )
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _path(arc: _Arc, near: float, far: float) -> str:
    end = min(arc.end, arc.start + 0.99999)  # a whole circle has no two ends
    large = int(end - arc.start > 0.5)
    (x1, y1), (x2, y2) = _point(arc.start, far), _point(end, far)
    (x3, y3), (x4, y4) = _point(end, near), _point(arc.start, near)
    return (
        f"M{x1:.2f} {y1:.2f}A{far} {far} 0 {large} 1 {x2:.2f} {y2:.2f}"
        f"L{x3:.2f} {y3:.2f}A{near} {near} 0 {large} 0 {x4:.2f} {y4:.2f}Z"
    )


def _label(arc: _Arc, near: float, far: float, *, ink: str, size: int) -> str:
    part = (arc.start + arc.end) / 2
    x, y = _point(part, (near + far) / 2)
    turn = 360 * part - 90
    if part > 0.5:  # never upside down
        turn += 180
    room = int((far - near) / (size * 0.55))
    text = arc.label if len(arc.label) <= room else arc.label[: room - 1] + "…"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" dominant-baseline="central" font-size="{size}" '
        f'fill="{ink}" transform="rotate({turn:.1f} {x:.1f} {y:.1f})">{html.escape(text)}</text>'
    )


def page(figure: Figure, title: str, *, dark: bool = False) -> str:
    """The figure and its table as a page that asks nobody for anything."""
    rows = "".join(
        f"<tr><th>{html.escape(one.verb)}</th><td>{one.count:,}</td><td>"
        + ", ".join(f"{html.escape(object)} {count:,}" for object, count in one.objects)
        + "</td></tr>"
        for one in figure.slices
    )
    ink, ground = ("#ece4d8", "#171513") if dark else ("#33291f", "#ffffff")
    name = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>\n'
        f"<style>body{{font-family:system-ui,sans-serif;color:{ink};background:{ground};display:flex;flex-wrap:wrap;"
        "gap:2rem;align-items:center;justify-content:center}th{text-align:left;padding-right:1rem}"
        "td:nth-child(2){text-align:right;padding-right:1rem}svg{max-width:100%;height:auto}</style></head>\n"
        f"<body>{svg(figure, title, dark=dark)}<div><p>{figure.verbs:,} root verbs, {figure.pairs:,} pairs of verb and "
        f"object in {figure.instructions:,} instructions.</p><table>{rows}</table></div></body></html>\n"
    )


# --- PNG


def png(figure: Figure, title: str, *, dark: bool = False, scale: int = 2) -> bytes:
    """The figure as a PNG. Needs `alpaca-tui[figure]` (Pillow); raises UserError without it."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise UserError(
            "A PNG needs Pillow, which is not installed",
            "SVG and HTML need nothing.",
            "Install alpaca-tui[figure], or let the name end in .svg.",
        ) from error
    ink, ground = ((236, 228, 216), (23, 21, 19)) if dark else ((51, 41, 31), (255, 255, 255))
    draft = 2 * scale  # drawn twice as large and halved: smooth edges
    image: Any = Image.new("RGB", (_SIZE * draft, (_SIZE + 40) * draft), ground)
    draw: Any = ImageDraw.Draw(image)
    drop = 34 * draft
    for ring, (near, far) in zip(_arcs(figure), (_INNER, _OUTER), strict=True):
        for arc in ring:
            draw.polygon(_outline(arc, near, far, draft, drop), fill=_color(arc, dark=dark), outline=ground)
    image = image.resize((_SIZE * scale, (_SIZE + 40) * scale))
    draw = ImageDraw.Draw(image)
    for ring, (near, far), size in zip(_arcs(figure), (_INNER, _OUTER), (12, 10), strict=True):
        font: Any = ImageFont.load_default(size * scale)
        for arc in ring:
            if arc.end - arc.start >= _SMALLEST_LABEL / (1 if size == 12 else 2):
                _write(image, arc, near, far, font, scale, (255, 255, 255) if dark else (28, 23, 18))
    big: Any = ImageFont.load_default(18 * scale)
    draw.text((_MIDDLE * scale, 22 * scale), title, font=big, fill=ink, anchor="mm")
    told = f"{figure.counted:,} of {figure.instructions:,}\ninstructions"
    small: Any = ImageFont.load_default(14 * scale)
    draw.multiline_text(
        (_MIDDLE * scale, (_MIDDLE + 34) * scale), told, font=small, fill=ink, anchor="mm", align="center"
    )
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _outline(arc: _Arc, near: float, far: float, scale: int, drop: float) -> list[tuple[float, float]]:
    steps = max(int((arc.end - arc.start) * 360), 2)
    parts = [arc.start + (arc.end - arc.start) * step / steps for step in range(steps + 1)]
    ends = [_point(part, far) for part in parts] + [_point(part, near) for part in reversed(parts)]
    return [(x * scale, y * scale + drop) for x, y in ends]


def _write(
    image: Any, arc: _Arc, near: float, far: float, font: Any, scale: int, ink: tuple[int, int, int]
) -> None:
    """A name along its ray."""
    from PIL import Image, ImageDraw

    part = (arc.start + arc.end) / 2
    room = (far - near) * scale
    text = arc.label
    while len(text) > 1 and font.getlength(text) > room:
        text = text.removesuffix("…")[:-1] + "…"
    width = int(font.getlength(text)) + 4
    height = int(font.size * 1.4)
    layer: Any = Image.new("L", (width, height), 0)
    ImageDraw.Draw(layer).text((width / 2, height / 2), text, font=font, fill=255, anchor="mm")
    turn = 360 * part - 90 + (180 if part > 0.5 else 0)
    layer = layer.rotate(-turn, expand=True, resample=Image.Resampling.BICUBIC)
    x, y = _point(part, (near + far) / 2)
    place = (round(x * scale - layer.width / 2), round((y + 34) * scale - layer.height / 2))
    image.paste(ink, (*place, place[0] + layer.width, place[1] + layer.height), layer)
