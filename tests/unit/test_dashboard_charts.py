"""Charts are drawn as they were looked at: each against a picture that is kept, and whole for any numbers."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold.dashboard import charts
from learnfold.dashboard.charts import Dot, HeatRow, Line
from learnfold.dashboard.charts.scale import shade, ticks
from learnfold.dashboard.words import Words

if TYPE_CHECKING:
    from markupsafe import Markup

KEPT = Path(__file__).parent / "charts"
SAY = Words("en").number
WEEKS = ["1 Sep", "8 Sep", "15 Sep", "22 Sep"]

DRAWN: dict[str, Markup] = {
    "spark": charts.spark([3, 5, None, 4, 9], "Active"),
    "bars": charts.bars([3, 0, 7, 5], "3, 0, 7, 5"),
    "lines": charts.lines(
        [Line("active", [0.8, 0.9, None, 0.7]), Line("handed in", [0.6, 0.7, 0.72, 0.69])],
        WEEKS,
        Words("en").percent,
        2,
    ),
    "heat": charts.heat(
        [HeatRow("Mon", [0, 5, None]), HeatRow("Tue", [9, 1, 3], most=9)], WEEKS[:3], SAY, "h", every=2
    ),
    "key": charts.key("less", "9"),
    "strip": charts.strip([1, 0.8, 0.6, 0.4, 0.1]),
    "gauge": charts.gauge(62, 71.5),
    "progress": charts.progress(0.384, "38 %"),
    "scatter": charts.scatter([Dot("Q1", 65, 0.2), Dot("Q2", 66, 0.21), Dot("Q9", 80, 0.5)], "right", "agrees"),
    "ranking": charts.ranking([("CS101-V1", 148), ("CS101-V2", 20.5), ("?", None)], SAY, "viewers"),
    "funnel": charts.funnel([("enrolled", 410), ("watched", 300), ("handed in", 12)], SAY),
    "cohorts": charts.cohorts([("1 Sep", {0: 1, 1: 0.8, 2: 0.5}), ("8 Sep", {0: 1, 1: 0.7})], Words("en").percent, "h"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_drawn_as_it_was_looked_at(name: str) -> None:
    """``DRAW_CHARTS=1`` draws the pictures anew: look at them then."""
    file = KEPT / f"{name}.{'html' if name in {'heat', 'cohorts', 'key', 'progress'} else 'svg'}"
    if os.environ.get("DRAW_CHARTS"):
        KEPT.mkdir(exist_ok=True)
        file.write_text(f"{DRAWN[name]}\n", "utf-8")
    assert f"{DRAWN[name]}\n" == file.read_text("utf-8")


def test_every_chart_has_a_picture() -> None:
    """None is drawn that nobody looked at."""
    assert {name for name in charts.__all__ if name[0].islower()} - {"half_left"} == set(DRAWN)
    assert {file.stem for file in KEPT.iterdir()} == set(DRAWN)


NAMES = st.text(max_size=12).filter(
    lambda text: all(ord(one) >= 32 and not 0xD800 <= ord(one) < 0xE000 and one not in "\ufffe\uffff" for one in text)
)
NUMBERS = st.one_of(st.none(), st.integers(0, 10**12), st.floats(0, 1e12, allow_nan=False))


@settings(max_examples=tries(60))
@given(st.lists(NUMBERS, max_size=20), st.text("<&>\"'ab", max_size=12))
def test_any_numbers_and_names_make_a_whole_picture(values: list[float | None], name: str) -> None:
    """It parses as XML, holds the name as text, and has no number that is none."""
    names = [f"{name}{place}" for place in range(len(values))]
    drawn = [
        charts.spark(values, name),
        charts.bars(values, name),
        charts.lines([Line(name, values)], names, SAY),
        charts.heat([HeatRow(name, values)], names, SAY, "h"),
        charts.ranking(list(zip(names, values, strict=True)), SAY, name),
        charts.funnel([(one, value or 0) for one, value in zip(names, values, strict=True)], SAY),
        charts.scatter([Dot(one, value or 0, 1) for one, value in zip(names, values, strict=True)], name, name),
    ]
    for one in drawn:
        if one:
            text = str(one).replace("class=sr", "")
            ET.fromstring(text)
            assert "nan" not in text.lower().replace(name.lower(), "")
            assert "<script" not in text
            assert "style=" not in text


def test_the_palest_shade_is_for_nothing_alone() -> None:
    """One event in a great day can be seen, and the greatest is the darkest."""
    assert [shade(value, 1_000) for value in (0, 1, 500, 1_000)] == ["q0", "q1", "q4", "q8"]
    assert shade(0, 0) == "q0"


@given(st.floats(1e-6, 1e12))
def test_an_axis_has_few_round_steps_and_holds_the_greatest(most: float) -> None:
    """From nothing up to at least that, in 3 to 7 steps."""
    found = ticks(most)
    assert found[0] == 0
    assert found[-1] >= most * (1 - 1e-9)
    assert 3 <= len(found) <= 7
