"""Writes into docs/platforms/ which views are full, partly or empty, by platform and way, and which kinds of statements have an event.

Both are of the statements that the tests hold for each.

``make docs`` runs it; a test fails when what it would write isn't there. A field counts as told where any statement of the type tells it.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "unit")]

from learnfold import catalog  # noqa: E402 - this clone's, whatever is installed
from learnfold.catalog.coverage import Coverage, Told, coverage_of  # noqa: E402
from learnfold.ingest.mapping.file import load  # noqa: E402
from learnfold.ingest.mapping.translate import Translated, Unmapped, translate  # noqa: E402

PAGES = ROOT / "docs" / "platforms"

WAYS = {
    "openedx": {
        "xAPI": ("xapi", "platform_openedx.XAPI", "platform_forums.XAPI:Open edX"),
        "Caliper": ("caliper", "platform_openedx.CALIPER"),
        "tracking logs": ("openedx-tracking-log", "platform_records.TRACKING", "platform_forums.TRACKING"),
    },
    "moodle": {
        "xAPI, by the plugin": ("xapi", "platform_moodle.CASES", "platform_forums.XAPI:Moodle"),
        "its own log": ("moodle-log", "platform_records.MOODLE", "platform_forums.MOODLE"),
    },
    "canvas": {
        "Canvas's form": ("canvas-live-events", "platform_records.CANVAS", "platform_forums.CANVAS"),
        "Caliper": ("caliper", "platform_canvas.CASES", "platform_forums.CALIPER:Canvas"),
    },
    "blackboard": {"Caliper": ("caliper", "platform_others.CALIPER:Blackboard")},
    "xapi": {
        "H5P": ("xapi", "platform_others.XAPI:H5P"),
        "cmi5": ("xapi", "platform_others.XAPI:cmi5"),
        "SCORM's profile": ("xapi", "platform_others.XAPI:SCORM"),
        "all that is known": ("xapi", "xapi_statements.CASES", "platform_others.XAPI"),
    },
    "caliper": {"all that is known": ("caliper", "caliper_events.CASES", "platform_others.CALIPER")},
}
"""By page and way: the mapping, and the lists of statements (of titles that begin so)."""

PLATFORMS = {
    "openedx": "Open edX",
    "moodle": "Moodle",
    "canvas": "Canvas",
    "blackboard": "Blackboard Learn",
    "xapi": "Packages",
    "caliper": "Others",
}
"""What each page is about, for the table of them all."""

_PART = re.compile(r"(<!-- views -->\n).*?(<!-- end views -->)", re.DOTALL)
_KINDS = re.compile(r"(<!-- kinds -->\n).*?(<!-- end kinds -->)", re.DOTALL)
_MOST = 3


def renewed(page: str, text: str) -> str:
    """A page's text with its table of views written anew."""
    return _PART.sub(lambda match: f"{match[1]}\n{table(page)}\n\n{match[2]}", text)


def table(page: str) -> str:
    """A row a view, a column a way."""
    ways = {way: _covered(*sources) for way, sources in WAYS[page].items()}
    lines = [["view", *ways], ["---"] * (len(ways) + 1)]
    lines += [[f"`{view}`", *(_cell(found[view]) for found in ways.values())] for view in catalog.load().views]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_kinds(text: str) -> str:
    """The first page's text with its table of kinds of statements written anew."""
    return _KINDS.sub(lambda match: f"{match[1]}\n{kinds()}\n\n{match[2]}", text)


def kinds() -> str:
    """A row a platform and way: how many kinds of statements it is tested with, how many have an event, and why the others have none."""
    lines = [["platform", "way", "kinds of statements", "have an event", "are refused, and why"], ["---"] * 5]
    for page, ways in WAYS.items():
        for way, (mapping, *sources) in ways.items():
            refused: dict[str, list[str]] = {}
            told = [(title, translate(one, load(mapping))) for source in sources for title, one in titled(source)]
            for title, results in told:
                for result in results:
                    if isinstance(result, Unmapped):
                        refused.setdefault(result.reason, []).append(title)
            without = sum(map(len, refused.values()))
            why = "<br>".join(f"{reason} ({', '.join(titles)})" for reason, titles in refused.items())
            lines.append([PLATFORMS[page], way, str(len(told)), str(len(told) - without), why.replace("|", "\\|")])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _covered(mapping: str, *sources: str) -> dict[str, Coverage]:
    told: dict[str, dict[str, dict[str, int]]] = {}
    for source in sources:
        for document in _documents(source):
            for result in translate(document, load(mapping)):
                if isinstance(result, Translated):
                    kinds = told.setdefault(result.topic, {})
                    kinds.setdefault(str(result.event["event_type"]), {}).update(dict.fromkeys(result.event, 1))
    counted = {topic: {kind: Told(1, fields) for kind, fields in kinds.items()} for topic, kinds in told.items()}
    return {name: coverage_of(view, counted) for name, view in catalog.load().views.items()}


def _documents(source: str) -> list[Any]:
    return [document for _, document in titled(source)]


def titled(source: str) -> list[tuple[str, Any]]:
    """The statements of a list, each with its title."""
    place, _, begins = source.partition(":")
    module, name = place.split(".")
    return [case[:2] for case in getattr(importlib.import_module(module), name) if case[0].startswith(begins)]


def _cell(found: Coverage) -> str:
    if found.state == "full":
        return "full"
    if found.state == "empty":
        return f"empty: no {_listed(found.missing)}"
    columns = [f"`{name}`" for name, share in found.columns.items() if share.state != "full"]
    return f"partly: not {_few(columns)}, for want of {_listed(found.missing)}"


def _listed(missing: tuple[str, ...]) -> str:
    told = [re.sub(r" in \w+_topic$", "", text) for text in missing]
    return _few(list(dict.fromkeys(told)))


def _few(names: list[str]) -> str:
    return ", ".join(names[:_MOST]) + (" and others" if len(names) > _MOST else "")


if __name__ == "__main__":
    for file in sorted(PAGES.glob("*.md")):
        if file.stem in WAYS:
            file.write_text(renewed(file.stem, file.read_text("utf-8")), "utf-8")
    first = PAGES / "README.md"
    first.write_text(with_kinds(first.read_text("utf-8")), "utf-8")
