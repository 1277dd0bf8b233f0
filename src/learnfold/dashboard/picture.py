"""A page's chart as a picture of its own: SVG that holds its colours, for a report or a slide."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from markupsafe import escape

FONT = 'Inter,"Segoe UI",system-ui,sans-serif'
MARGIN, RIGHT = 16, 64
"""Around the chart, and beside it, where labels begin: another font is wider."""

_CHART = re.compile(r'<svg class="chart (\w+)" viewBox="0 0 (\d+) (\d+)"[^>]*>(.*?)</svg>', re.DOTALL)
_ONLY_SHOWN = re.compile(r'<g class="hover">.*?</g>| data-tip="[^"]*"', re.DOTALL)
_WITHIN = re.compile(r"@[^{}]*\{(?:[^{}]*\{[^{}]*\})+[^{}]*\}|@[^{}]*\{[^{}]*\}|/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_OF_CHARTS = re.compile(r"\.(?:chart|grid|axis|marker|series|s\d|q\d|ranking|funnel|dot|scatter)\b")
_NAMED = re.compile(r"var\(--(\w+)\)")
_COLOUR = re.compile(r"--(\w+):([^;]+)")


@dataclass(frozen=True)
class Picture:
    """A picture, and the policy under which a browser shows it with its own styles and nothing else."""

    content: bytes
    policy: str


def picture(page: str, name: str, style: str, title: str, about: str) -> Picture | None:
    """The chart of a page that is called so (its kind; ``kind.2`` is the second of it); None where there is none.

    ``style``: what ``charts_style`` gives.
    """
    kind, _, place = name.partition(".")
    found = [one for one in _CHART.finditer(page) if one[1] == kind]
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else 0 if place else 1  # noqa: PLR2004
    if not 1 <= number <= len(found):
        return None
    chart = found[number - 1]
    wide, tall = int(chart[2]) + MARGIN + RIGHT, int(chart[3]) + 2 * MARGIN
    size = f'width="{wide}" height="{tall}"'
    sized = f"{style}svg.chart.{kind}{{width:{wide}px;height:{tall}px;max-width:none}}"
    content = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart {kind}" viewBox="{-MARGIN} {-MARGIN} {wide} {tall}" {size}>'
        f"<title>{escape(title)}</title><desc>{escape(about)}</desc><style>{sized}</style>"
        f'<rect class="back" x="{-MARGIN}" y="{-MARGIN}" {size}/>{_ONLY_SHOWN.sub("", chart[4])}</svg>\n'
    )
    digest = base64.b64encode(hashlib.sha256(sized.encode()).digest()).decode()
    return Picture(content.encode("utf-8", "replace"), f"default-src 'none'; style-src 'sha256-{digest}'; ")


def charts_style(style: str, *, dark: bool) -> str:
    """What a page's styles say of charts on a desk, in light or dark, with each colour written out."""
    rules = [(of.strip(), said) for of, said in _RULE.findall(_WITHIN.sub("", style))]
    colours = {name: value for of, said in rules if of == ":root" for name, value in _COLOUR.findall(said)}
    if dark:
        colours |= {k: v for of, said in rules if of == ":root[data-theme=dark]" for k, v in _COLOUR.findall(said)}
    kept = "".join(f"{of}{{{said}}}" for of, said in rules if _OF_CHARTS.match(of))
    whole = f"svg{{font-family:{FONT};color:var(--ink)}}{kept}.chart .back{{fill:var(--card)}}"
    return _NAMED.sub(lambda found: colours.get(found[1], found[0]), whole)
