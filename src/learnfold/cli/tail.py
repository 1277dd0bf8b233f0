"""``learnfold tail``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from learnfold.kafka.tail import Seen
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold tail video_topic --last 5 --follow"
    parser.add_argument("topic", metavar="TOPIC", help="a Kafka topic, of learnfold's or any other")
    parser.add_argument(
        "--last", type=int, default=10, metavar="N", help="show so many of the last messages (default: 10)"
    )
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until interrupted")
    parser.add_argument("--partition", type=int, metavar="N", help="only this partition")
    parser.add_argument(
        "--servers",
        dest="kafka_servers",
        metavar="HOST:PORT",
        help="Kafka's bootstrap servers (default: localhost:9092)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a message")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints messages."""
    from learnfold.kafka.tail import tail

    try:
        for message in tail(args.topic, settings, max(0, args.last), args.partition, follow=args.follow):
            print(_json(message) if args.json else _line(message), flush=True)
    except KeyboardInterrupt:
        if not args.follow:
            raise
    return 0


def _line(message: Seen) -> str:
    at = f"{message.at:%Y-%m-%d %H:%M:%S}" if message.at else "-"
    return f"{message.partition}@{message.offset}  {at}  {message.key or '-'}  {message.value if message.value is not None else '(empty)'}"


def _json(message: Seen) -> str:
    import json
    from dataclasses import asdict

    shown = asdict(message)
    shown["at"] = message.at.isoformat() if message.at else None
    return json.dumps(shown, ensure_ascii=False)
