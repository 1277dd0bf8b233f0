"""``learnfold mapping``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from learnfold.ingest.samples.check import Checked
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = (
        "example: learnfold mapping new log.csv --name our-platform > our-platform.toml\n"
        "example: learnfold mapping check our-platform.toml log.csv"
    )
    parser.add_argument(
        "action",
        choices=["check", "new"],
        help="check: which rule each statement of the samples fits, and what none fits; new: print a first mapping made of them",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="for check, the mapping (or its name) first; then samples"
    )
    parser.add_argument("--name", default="our-platform", metavar="NAME", help="what a new mapping is called")
    parser.add_argument("--json", action="store_true", help="print what was checked as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints what the samples are by the mapping (1: not all of it is well), or a mapping."""
    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.ingest.mapping.file import load
    from learnfold.ingest.samples.check import checked
    from learnfold.ingest.samples.draft import draft

    if args.action == "new":
        print(draft(args.files, args.name, catalog.load(), settings), end="")
        return 0
    mapping, *samples = args.files
    if not samples:
        raise UsageError("name the mapping, and behind it files that it is to be tried on")
    found = checked(samples, load(mapping), catalog.load(), settings)
    print(to_json(_report(found)) if args.json else _text(found))
    return 0 if found.well else 1


def _report(found: Checked) -> dict[str, Any]:
    rules = [
        {"about": rule.about, "becomes": _becomes(found, place), "statements": found.fitting[place]}
        for place, rule in enumerate(found.mapping.rules)
    ]
    listed = {
        name: [
            {"reason": why, "statements": one[0], "place": one[1], "example": one[2]} for why, one in reasons.items()
        ]
        for name, reasons in (("no_rule", found.refused), ("unreadable", found.broken))
    }
    invalid = [
        {"topic": topic, "reason": reason, "events": count} for (topic, reason), count in sorted(found.invalid.items())
    ]
    return {"statements": found.statements, "rules": rules, **listed, "invalid": invalid, "well": found.well}


def _becomes(found: Checked, place: int) -> str:
    rule = found.mapping.rules[place]
    if rule.unmapped is not None:
        return f"no event: {rule.unmapped}"
    return ", ".join(f"{one.topic} {one.event_type}" for one in rule.outcomes) or "takes a statement back"


def _text(found: Checked) -> str:
    from learnfold.cli.table import table

    rules = found.mapping.rules
    rows = [(found.fitting[place], _becomes(found, place), rules[place].about) for place in sorted(found.fitting)]
    lines = [table(["statements", "become", "by the rule"], rows)] if rows else []
    for title, reasons in (("no rule fits", found.refused), ("can't be read", found.broken)):
        if reasons:
            listed = [(one[0], why, f"{one[1]}: {one[2]}") for why, one in reasons.items()]
            lines += ["", table(["statements", title, "the first, and its place"], listed)]
    if found.invalid:
        listed = [(count, topic, reason) for (topic, reason), count in sorted(found.invalid.items())]
        lines += ["", table(["events", "refused by", "for"], listed)]
    unused = len(rules) - len(found.fitting)
    fine = "all is well" if found.well else "not all of it is well"
    return "\n".join([*lines, "", f"{found.statements:,} statements, {unused} of {len(rules)} rules not met: {fine}"])
