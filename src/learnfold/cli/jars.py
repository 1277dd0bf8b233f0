"""``learnfold jars``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = (
        "example: learnfold jars\n"
        "give Spark the folder: --conf spark.driver.extraClassPath=FOLDER/* --conf spark.executor.extraClassPath=FOLDER/*\n"
        "or let it fetch them by itself: spark-submit $(learnfold jars --list) …"
    )
    parser.add_argument("--list", action="store_true", help="fetch nothing; print spark-submit's --packages form")
    parser.add_argument("--folder", metavar="FOLDER", help="keep them below this one (default: the cache)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every command gets them
    """Prints the folder and the files in it, once they are there."""
    from learnfold.cache import cache_folder
    from learnfold.cli.table import to_json
    from learnfold.engines.jars import fetch_jars, packages

    if args.list:
        wanted = packages()
        print(to_json(vars(wanted)) if args.json else " ".join(wanted.options))
        return 0
    jars = fetch_jars(Path(args.folder) if args.folder else cache_folder(os.environ))
    if args.json:
        print(to_json({"folder": str(jars[0].parent), "files": {jar.name: jar.stat().st_size for jar in jars}}))
    else:
        print("\n".join([str(jars[0].parent), *(f"  {jar.name}" for jar in jars)]))
    return 0
