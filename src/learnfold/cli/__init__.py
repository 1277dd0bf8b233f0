"""The ``learnfold`` command. Each subcommand is a module here, imported when it is used, so that help is quick.

A command's module has ``arguments(parser)``, which declares its flags, and ``run(args, settings) -> int``, which parses nothing,
calls one library function and prints. Data goes to stdout, everything else to stderr. Exit 0 done, 1 failed, 2 misused.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from learnfold import __version__
from learnfold.addresses import without_secrets
from learnfold.errors import LearnfoldError, MissingPartError, UsageError, how_to_install

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.settings import Settings
    from learnfold.telemetry.reporter import TerminalReporter

COMMANDS = {
    "run": "compute the batch views of a master dataset",
    "views": "list the views, or explain one: columns, meaning, SQL, lineage",
    "coverage": "which views and columns some events fill, and what is missing",
    "show": "print a view's rows",
    "serve": "answer questions of the views over HTTP",
    "digest": "mail a course's week to its teachers",
    "speed": "follow Kafka, so that views are a moment old",
    "status": "what the last batches did, and what is pending",
    "diff": "what changed between two batches, by view",
    "rollback": "publish an earlier batch again",
    "clean": "remove old batches and what no batch needs",
    "verify": "recompute from scratch beside it and compare",
    "erase": "erase a person from events, quarantine and views",
    "retract": "take events back that never were",
    "quarantine": "list invalid events, or take them in again",
    "ingest": "bring events in, from Kafka, files or an LRS",
    "mapping": "check a mapping of your own by samples, or draft one",
    "compact": "merge small files of closed days",
    "generate": "make up a semester's events",
    "tail": "look at a Kafka topic",
    "schema": "the JSON Schema of a topic's events",
    "oozie": "write the Oozie workflow from the catalogue",
    "schedule": "run by the clock, without Oozie",
    "monitoring": "write alert rules and dashboards, list the metrics",
    "jars": "fetch the jars with which Spark reads s3a and Kafka",
    "doctor": "what is installed and reachable",
}
"""Every command and what it is for; a module of the same name under ``learnfold.cli`` is the command."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and a hint."""

    def error(self, message: str) -> NoReturn:
        """Exits with 2."""
        self.exit(2, f"{self.prog}: {without_secrets(message)}\n{self.prog} --help tells more\n")


class Help(argparse.RawDescriptionHelpFormatter):
    """Help in which each command and its meaning share a line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = max(map(len, COMMANDS)) + self._indent_increment * 2


def main(argv: Sequence[str] | None = None, prog: str = "learnfold") -> int:
    """Runs one command and returns its exit code."""
    return main_of(prog, lambda: _main(prog, list(sys.argv[1:] if argv is None else argv)))


def _main(prog: str, arguments: list[str]) -> int:
    name = next((word for word in arguments if not word.startswith("-")), None)
    parser = _parser(prog, name if name in COMMANDS else None)
    args = parser.parse_args(_joined(arguments))
    if args.command is None:
        parser.print_help()
        return 0
    settings = read_settings(args)
    try:
        return int(importlib.import_module(f"learnfold.cli.{args.command}").run(args, settings))
    except ModuleNotFoundError as error:
        if args.command not in _EXTRAS or error.name not in _SHARED:
            raise
        raise MissingPartError(
            f"the Python package {error.name} isn't installed; {how_to_install(args.command)}"
        ) from error
    except (LearnfoldError, KeyboardInterrupt) as error:
        if settings.log_format != "json" or not hasattr(args, "log_format"):
            raise
        reporter_of(args, settings).log("error", message=str(error) or INTERRUPTED)
        return error.exit_code if isinstance(error, LearnfoldError) else INTERRUPTED_CODE


_EXTRAS = {"serve", "speed"}
"""Commands whose extra has their name."""

_SHARED = {"confluent_kafka", "nanoarrow", "prometheus_client"}
"""Packages of several extras: the command tells which of them is wanted."""

INTERRUPTED, INTERRUPTED_CODE = "interrupted; nothing was published", 130


def main_of(prog: str, work: Callable[[], int]) -> int:
    """What ``work`` returns; its failures as one message and the exit code of the error, never a traceback."""
    signal.signal(signal.SIGTERM, _terminated)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that a terminal can't show is no reason to end
    try:
        return work()
    except LearnfoldError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] == "learnfold":
            raise
        print(f"{prog}: the Python package {error.name} isn't installed; {_install(error.name)}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - so that the interpreter's last flush is quiet
        return 0
    except KeyboardInterrupt:
        print(f"{prog}: {INTERRUPTED}", file=sys.stderr)
        return INTERRUPTED_CODE


def _install(module: str | None) -> str:
    extra = {
        "pyspark": "spark",
        "confluent_kafka": "kafka",
        "nanoarrow": "kafka",
        "lmdb": "speed",
        "numpy": "speed",
        "prometheus_client": "kafka",
        "zstandard": "kafka",
        "cronsim": "schedule",
        "starlette": "serve",
        "uvicorn": "serve",
        "httptools": "serve",
        "joserfc": "serve",
        "jinja2": "serve",
        "markupsafe": "serve",
    }
    return how_to_install(extra.get(module or "", ""))


def _joined(arguments: list[str]) -> list[str]:
    """``--sort -column`` as ``--sort=-column``, which argparse can tell from a flag."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1] == "--sort":
            joined[-1] = f"--sort={word}"
        else:
            joined.append(word)
    return joined


def read_settings(args: argparse.Namespace):  # type: ignore[no-untyped-def]  # noqa: ANN201 - imported when used
    """The settings: flags of the command over the environment over defaults; under spark-submit the engine is Spark by default."""
    from learnfold.engines import under_spark_submit
    from learnfold.settings import Settings

    names = {setting.name for setting in dataclasses.fields(Settings)}
    flags = {name: value for name, value in vars(args).items() if name in names}
    if under_spark_submit(os.environ) and not os.environ.get("LEARNFOLD_ENGINE"):
        flags["engine"] = flags.get("engine") or "spark"
    return Settings.read(os.environ, **flags)


def _parser(prog: str, used: str | None) -> Parser:
    parser = Parser(
        prog=prog,
        formatter_class=Help,
        description="Batch views of learning events: folded by day, answered from rollups.",
        epilog="example: learnfold generate demo/master --events 100000 && learnfold run demo/master demo/views",
    )
    parser.add_argument("--version", action="version", version=f"learnfold {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    for name, meaning in COMMANDS.items():
        if used is not None and name != used:
            continue
        command = commands.add_parser(name, help=meaning, formatter_class=argparse.RawDescriptionHelpFormatter)
        command.description = meaning[0].upper() + meaning[1:] + "."
        if name == used:
            importlib.import_module(f"learnfold.cli.{name}").arguments(command)
    return parser


def _terminated(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def date_argument(text: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """A day as a flag gives it: YYYY-MM-DD."""
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; one is called 2025-12-10") from None


def log_argument(parser: argparse.ArgumentParser) -> None:
    """Declares ``--log-format``, of the commands that report what they do."""
    parser.add_argument(
        "--log-format",
        choices=["text", "json"],
        help="write a line of this form to stderr for each finished unit of work",
    )


def reporter_of(args: argparse.Namespace, settings: Settings, *, lines: bool = False) -> TerminalReporter:
    """The one reporter of a command that has ``--log-format``; ``lines``: it writes lines also where nobody asked for a form."""
    from learnfold.telemetry.reporter import TerminalReporter

    if not hasattr(args, "reporter"):
        args.reporter = TerminalReporter(lines=lines, log_format=settings.log_format)
    reporter: TerminalReporter = args.reporter
    return reporter


__all__ = [
    "COMMANDS",
    "Parser",
    "UsageError",
    "date_argument",
    "log_argument",
    "main",
    "main_of",
    "read_settings",
    "reporter_of",
]
