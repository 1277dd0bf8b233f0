"""``learnfold doctor``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from learnfold.settings import ENGINES

if TYPE_CHECKING:
    import argparse

    from learnfold.doctor import Check, Component
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold doctor s3://bucket-0/master_dataset s3://bucket-0/batch_views --kafka"
    parser.add_argument(
        "input", metavar="IN", nargs="?", help="a master dataset to reach: a folder or s3://bucket/path"
    )
    parser.add_argument("output", metavar="OUT", nargs="?", help="a place for views to reach; written to and tidied up")
    parser.add_argument("--kafka", action="store_true", help="reach Kafka too")
    parser.add_argument("--servers", dest="kafka_servers", metavar="HOST:PORT", help="Kafka's bootstrap servers")
    parser.add_argument("--engine", choices=ENGINES, help="the engine that shall run (default: duckdb)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints the parts, the settings and what was tried; 1 where something that was asked for is missing or failed."""
    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.doctor import check_input, check_kafka, check_output, installed

    found = catalog.load()
    places = [place for place in (args.input, args.output) if place]
    s3 = any(place.partition("://")[0] in {"s3", "s3a", "s3n"} for place in places)
    parts = installed(os.environ, settings, s3=s3, kafka=args.kafka)
    lacking = {part.name for part in parts if part.version is None}
    checks: list[Check] = []
    if not (s3 and "obstore" in lacking):
        checks += check_input(args.input, found, settings) if args.input else []
        checks += check_output(args.output, settings) if args.output else []
    if args.kafka and "confluent-kafka" not in lacking:
        checks += check_kafka(found, settings)
    if args.json:
        print(
            to_json(
                {
                    "installed": {part.name: part.version for part in parts},
                    "missing": [part.name for part in parts if part.missing],
                    "settings": shown(settings),
                    "checks": [vars(check) for check in checks],
                }
            )
        )
    else:
        print(text(parts, settings, checks))
    return 0 if all(check.ok for check in checks) and not any(part.missing for part in parts) else 1


def shown(settings: Settings) -> dict[str, object]:
    """Every setting by name; of a secret only whether it is set."""
    from learnfold.settings import meanings

    open_ones = settings.shown()
    return {
        meaning.name: ("set" if getattr(settings, meaning.name) else "") if meaning.secret else open_ones[meaning.name]
        for meaning in meanings()
    }


def text(parts: list[Component], settings: Settings, checks: list[Check]) -> str:
    """Three tables."""
    from learnfold.cli.table import table
    from learnfold.settings import meanings

    values = shown(settings)
    lines = [
        table(
            ["part", "version", "for", "without it"],
            [(p.name, p.version or "-", p.purpose, "" if p.version else p.without) for p in parts],
        ),
        "",
        table(
            ["setting", "value", "variable", "or"],
            [(m.name, str(values[m.name]), m.variable, ", ".join(m.others)) for m in meanings()],
        ),
    ]
    if checks:
        lines += [
            "",
            table(["tried", "where", "result", "seconds"], [(c.what, c.where, _word(c), c.seconds) for c in checks]),
        ]
        lines += ["", *(f"{c.what}: {c.detail}" for c in checks)]
    missing = [f"{part.name} is needed and isn't there: {part.without}" for part in parts if part.missing]
    return "\n".join([*lines, *(["", *missing] if missing else [])])


def _word(check: Check) -> str:
    return "fine" if check.ok else "failed"
