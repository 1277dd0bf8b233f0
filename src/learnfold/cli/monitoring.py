"""``learnfold monitoring``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnfold.errors import StorageError, UsageError

if TYPE_CHECKING:
    import argparse

    from learnfold.monitoring.promise import Promise
    from learnfold.settings import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold monitoring --interval 24h --slo 99 --write monitoring"
    parser.add_argument(
        "--interval", default="24h", metavar="SPAN", help="how often runs come, such as 1h (default: 24h)"
    )
    parser.add_argument(
        "--slo",
        type=float,
        default=99.0,
        metavar="PERCENT",
        help="share of the time that is promised fresh (default: 99)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--write",
        metavar="DIR",
        help="write Prometheus' rules and their tests, Grafana's dashboards, an Alertmanager example",
    )
    what.add_argument("--markdown", action="store_true", help="print the metrics as a page")
    what.add_argument("--json", action="store_true", help="print the metrics as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every command takes them
    """Writes the files, or prints the metrics."""
    from learnfold.cli.table import table, to_json
    from learnfold.telemetry.metrics import METRICS

    if args.write:
        print("\n".join(_write(args.write, _promise(args))))
        return 0
    if args.markdown:
        from learnfold.monitoring.page import page

        print(page(), end="")
        return 0
    rows = [(m.full_name, m.kind, ", ".join(m.labels), m.unit, m.help) for m in METRICS]
    names = ("metric", "kind", "labels", "unit", "meaning")
    print(to_json([dict(zip(names, row, strict=True)) for row in rows]) if args.json else table(names, rows))
    return 0


def _promise(args: argparse.Namespace) -> Promise:
    from learnfold.monitoring.promise import Promise

    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", args.interval.strip())
    if not found or not float(found[1]):
        raise UsageError(f"--interval {args.interval} is no span of time; one is called 24h, 30m or 7d")
    if not 0 < args.slo < 100:  # noqa: PLR2004 - percent
        raise UsageError(f"--slo {args.slo:g} must be between 0 and 100, such as 99")
    seconds = float(found[1]) * _UNITS[found[2]]
    return Promise(int(seconds) if seconds.is_integer() else seconds, args.slo)


def _write(folder: str, promise: Promise) -> list[str]:
    """Writes the files; their paths."""
    from pathlib import Path

    from learnfold.monitoring.files import files

    written = []
    try:
        for name, text in files(promise).items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(str(path))
    except OSError as error:
        raise StorageError(f"{folder} can't be written: {error}") from error
    return written
