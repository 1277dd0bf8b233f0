"""``python -m benchmarks``: runs the benchmarks, or writes their tables."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys

from benchmarks import BENCHMARKS
from benchmarks.bench import Bench, WrongAnswerError
from benchmarks.child import CommandError
from benchmarks.table import README, with_table


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 1 if a benchmark failed or its answer was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog="example: python -m benchmarks full_run days --runs 5"
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"which (default: all): {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--scale",
        choices=["tiny", "small", "full"],
        default="small",
        help="small (default): minutes; full: hours, and 100 million events; tiny: only whether they work, nothing is kept",
    )
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="runs of each, of which the median counts (default: 3)"
    )
    parser.add_argument("--table", action="store_true", help="only write the tables of benchmarks/README.md anew")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.names if name not in BENCHMARKS]
    if unknown or args.runs < 1:
        parser.error(f"no benchmark is called {', '.join(unknown)}" if unknown else "--runs must be at least 1")
    wrong = False
    if not args.table:
        for name in args.names or BENCHMARKS:
            wrong |= not _run(name, args.scale, args.runs)
    if args.scale != "tiny":
        README.write_text(with_table(README.read_text("utf-8")), "utf-8")
    return int(wrong)


def _run(name: str, scale: str, runs: int) -> bool:
    """Whether the benchmark went well; its result is written only then."""
    if importlib.util.find_spec(f"benchmarks.{name}") is None:
        print(f"{name}: there is no benchmarks/{name}.py here; left out", file=sys.stderr)
        return True
    print(f"{name}:", file=sys.stderr, flush=True)
    bench = Bench(name, scale, runs)
    try:
        importlib.import_module(f"benchmarks.{name}").run(bench)
    except (CommandError, WrongAnswerError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    print(bench.write(), file=sys.stderr)
    return True


if __name__ == "__main__":
    sys.exit(main())
