"""The tables of benchmarks/README.md, from the files in benchmarks/results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks import BENCHMARKS
from benchmarks.bench import RESULTS
from benchmarks.child import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "benchmarks" / "README.md"
BEGIN, END = "<!-- results: written by python -m benchmarks --table -->", "<!-- end of results -->"
GB = 1e9


def with_table(readme: str, results: Path = RESULTS) -> str:
    """The page with its tables as the results are now.

    Raises:
        ValueError: the page doesn't say where they go.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page holds no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{tables(results)}\n\n{END}{after}"


def tables(results: Path) -> str:
    """A section a benchmark that was run, in their order; one at full scale follows the small one."""
    files = [results / f"{name}{scale}.json" for name in BENCHMARKS for scale in ("", ".full")]
    found = [json.loads(file.read_text("utf-8")) for file in files if file.exists()]
    return "\n\n".join(_section(result) for result in found) or "Nothing was measured yet."


def _section(result: dict[str, Any]) -> str:
    machine = result["machine"]
    lines = [
        f"### {result['benchmark']}{', full scale' if result['scale'] == 'full' else ''}",
        "",
        f"{result['date'][:10]}, commit {result['commit']}, {machine['cores']} cores of {machine['cpu']},"
        f" {machine['memory_bytes'] / GB:.0f} GB, load {machine['load_at_start']} before."
        f" {', '.join(f'{name} {version}' for name, version in result['versions'].items())}.",
    ]
    if result["cases"]:
        lines += _cases(result["cases"])
    for table in result.get("tables", []):
        lines += ["", f"{table['title']}:", "", _line(table["head"]), _line(["---"] * len(table["head"]))]
        lines += [_line(row) for row in table["rows"]]
    if result["ratios"]:
        lines += ["", "| ratio | |", "| --- | ---: |"]
        lines += [f"| {name} | {_short(value)} |" for name, value in result["ratios"].items()]
    lines += ["", f"Checked: {'; '.join(result['checked'])}."] if result["checked"] else []
    lines += ["", *(f"Left out: {what}." for what in result["left_out"])] if result["left_out"] else []
    return "\n".join(lines)


def _cases(cases: list[dict[str, Any]]) -> list[str]:
    head = ["case", "events", "input MB", "seconds (median)", "of", "peak memory MB"]
    counted = all("cpu_seconds" in case for case in cases)  # not before 2026-11-28
    rows = [
        [
            case["name"],
            _number(case["rows"]),
            _number(round(case["bytes"] / 1e6)),
            _short(case["median_seconds"]),
            _runs(case["seconds"]),
            f"{case['peak_bytes'] / 1e6:,.0f}",
            *([_short(case["cpu_seconds"])] if counted else []),
        ]
        for case in cases
    ]
    if counted:
        head.append("processor seconds (median)")
    sides = ["---" if name in {"case", "of"} else "---:" for name in head]
    return ["", _line(head), _line(sides), *map(_line, rows)]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _runs(seconds: list[float]) -> str:
    if len(seconds) > 5:
        return f"{len(seconds)} runs: {_short(min(seconds))} to {_short(max(seconds))}"
    return ", ".join(map(_short, seconds))


def _short(value: float) -> str:
    decimals = next((places for least, places in ((100, 0), (10, 1), (1, 2)) if value >= least), 3)
    return f"{value:,.{decimals}f}"


def _number(value: int) -> str:
    return f"{value:,}" if value else ""
