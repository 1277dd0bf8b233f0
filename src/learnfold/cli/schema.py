"""``learnfold schema``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold schema video_topic > video_topic.schema.json"
    parser.add_argument("topic", metavar="TOPIC", help="such as video_topic")


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every command gets them
    """Prints the JSON Schema of a topic's events."""
    from learnfold import catalog
    from learnfold.catalog.schema import json_schema
    from learnfold.cli.table import to_json

    print(to_json(json_schema(catalog.load().topic(args.topic))))
    return 0
