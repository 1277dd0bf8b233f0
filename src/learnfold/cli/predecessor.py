"""The seed's commands: ``run_batch_jobs.py [JOB] IN OUT`` and ``jobs/<job>_batch_job.py IN OUT`` are ``learnfold run``."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from learnfold.cli import Parser, main_of, read_settings
from learnfold.cli import run as command
from learnfold.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def main(job: str | None = None, argv: Sequence[str] | None = None) -> int:
    """Runs ``job``, or the one that the arguments begin with, or all; returns the exit code."""
    prog = f"{job}_batch_job.py" if job else "run_batch_jobs.py"
    return main_of(prog, lambda: _run(prog, job, list(sys.argv[1:] if argv is None else argv)))


def _run(prog: str, job: str | None, argv: list[str]) -> int:
    _apply(_configured())
    parser = Parser(
        prog=prog, description=f"Compute the batch views of {job or 'one subject or all of them'}.", usage=None
    )
    if job is None:
        from learnfold.catalog.jobs import job_names

        parser.add_argument("job", metavar="JOB", nargs="?", help=f"one of {', '.join(job_names())}; none: all")
    command.arguments(parser, job=False)
    parser.epilog = f"example: {prog} s3a://bucket-0/master_dataset s3a://bucket-0/batch_views"
    args: argparse.Namespace = parser.parse_args(argv)
    if job is None and args.job is None and _is_job(args.input):
        raise UsageError(
            f"{args.input} is a job: name IN and OUT behind it (a folder that is called so is ./{args.input})"
        )
    args.job = [job] if job else [args.job] if args.job else []
    for name in args.job:
        _known(name)
    return command.run(args, read_settings(args))


def _is_job(name: str) -> bool:
    from learnfold.catalog.jobs import job_names

    return name in job_names()


def _known(job: str) -> None:
    from learnfold.catalog.jobs import job_names

    if not _is_job(job):
        raise UsageError(f"there is no job {job!r}; the jobs are {', '.join(job_names())}")


def _configured() -> Mapping[str, object]:
    """What ``batch_layer/config.py`` sets, where it is at hand."""
    try:
        return dict(importlib.import_module("batch_layer.config").SETTINGS)
    except ModuleNotFoundError:
        return {}


def _apply(settings: Mapping[str, object]) -> None:
    """Settings of the file are defaults: the environment and flags win over them."""
    for name, value in settings.items():
        os.environ.setdefault(f"LEARNFOLD_{name.upper()}", str(value))
