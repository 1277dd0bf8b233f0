"""The numbers of the last runs as Prometheus reads them: a text file for node_exporter, or a Pushgateway.

Each sample has the label ``batch_job``; what a run records replaces what was recorded of its jobs before, and of no other. So the
jobs that Oozie forks may share one file, and a failure leaves the last success in sight.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.addresses import without_secrets
from learnfold.telemetry.metrics import (
    CHECK_FAILED,
    LAST_FAILURE,
    LAST_RUN_DURATION,
    LAST_RUN_SUCCEEDED,
    LAST_SUCCESS,
    LOCK_HELD_SINCE,
    RUNS,
    metrics_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from learnfold.settings import Settings
    from learnfold.telemetry.metrics import Sample

PUSH_SECONDS = 10.0


def recorded(settings: Settings) -> bool:
    """Whether the settings ask for the numbers of runs."""
    return bool(settings.metrics_file or settings.push_gateway)


def record(jobs: Sequence[str], seconds: float, samples: Sequence[Sample], settings: Settings) -> list[str]:
    """Records a run of ``jobs`` that succeeded in ``seconds``, with ``samples`` of what it made.

    Returns what went wrong with recording, which is no reason for the run to fail.
    """
    outcome = _outcome(jobs, seconds, succeeded=True)
    return _export([*outcome, *samples], jobs, settings)


def record_failure(jobs: Sequence[str], seconds: float, samples: Sequence[Sample], settings: Settings) -> list[str]:
    """Records a run of ``jobs`` that failed after ``seconds``, with ``samples`` of how; other numbers of the last success stay."""
    return _export([*_outcome(jobs, seconds, succeeded=False), *samples], jobs, settings)


def record_lock(jobs: Sequence[str], since: float, settings: Settings) -> list[str]:
    """Records since when a run of ``jobs`` holds their leases (0: it doesn't any more), and nothing else."""
    return _export((LOCK_HELD_SINCE.of(since, batch_job=job) for job in jobs), jobs, settings)


def _outcome(jobs: Sequence[str], seconds: float, *, succeeded: bool) -> Iterator[Sample]:
    now = time.time()
    for job in jobs:
        yield (LAST_SUCCESS if succeeded else LAST_FAILURE).of(now, batch_job=job)
        yield LAST_RUN_SUCCEEDED.of(int(succeeded), batch_job=job)
        yield LAST_RUN_DURATION.of(seconds, batch_job=job)


def _export(outcome: Iterable[Sample], jobs: Sequence[str], settings: Settings) -> list[str]:
    samples, problems = list(outcome), list[str]()
    if settings.metrics_file:
        try:
            _write(Path(settings.metrics_file), samples)
        except OSError as error:
            problems.append(f"the run's numbers can't be written to {settings.metrics_file}: {error}")
    if settings.push_gateway:
        problems += [problem for job in jobs if (problem := _push(settings.push_gateway, job, samples))]
    return problems


def text(lines: Sequence[str]) -> str:
    """The samples' lines as one text: each metric's together, below its help and kind."""
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(_named(line)[0], []).append(line)
    shown = []
    for metric in metrics_of(RUNS):
        if metric.full_name in found:
            name = metric.full_name
            shown += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}", *found[name]]
    return "\n".join([*shown, ""])


def _write(file: Path, samples: list[Sample]) -> None:
    """Replaces the file at once; readers see the old numbers or the new."""
    new = {(sample.metric.full_name, sample.labels[0][1]) for sample in samples}
    jobs = {job for _, job in new}
    succeeded = {job for name, job in new if name == LAST_SUCCESS.full_name}
    known = {metric.full_name for metric in metrics_of(RUNS)}
    with _locked(file):
        old = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
        kept = []
        for line in old:
            name, job = _named(line)
            replaced = (name, job) in new or (job in succeeded and name != LAST_FAILURE.full_name)
            replaced |= name == CHECK_FAILED.full_name and (LAST_RUN_SUCCEEDED.full_name, job) in new
            if name in known and not (job in jobs and replaced):
                kept.append(line)
        unfinished = file.with_name(f".{file.name}.{os.getpid()}.new")
        try:
            unfinished.write_text(text([*kept, *map(str, samples)]), encoding="utf-8")
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Nobody else on this machine replaces the file meanwhile, where the system can promise it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows: the last one wins
        yield
        return
    descriptor = os.open(file.with_name(f".{file.name}.lock"), os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _push(gateway: str, job: str, samples: list[Sample]) -> str | None:
    """POST: it replaces the metrics of the same name in the job's group, and no other."""
    import urllib.error
    import urllib.parse
    import urllib.request

    address = urllib.parse.urlsplit(gateway.rstrip("/"))
    user, at, host = address.netloc.rpartition("@")
    signed = {"Authorization": f"Basic {base64.b64encode(urllib.parse.unquote(user).encode()).decode()}"} if at else {}
    path = f"{address.path}/metrics/job/learnfold/batch_job/{urllib.parse.quote(job, safe='')}"
    url = urllib.parse.urlunsplit((address.scheme, host, path, address.query, ""))
    content = text([str(sample) for sample in samples if sample.labels[0][1] == job]).encode()
    try:
        headers = {"Content-Type": "text/plain; version=0.0.4", **signed}
        request = urllib.request.Request(url, content, headers, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=PUSH_SECONDS):  # noqa: S310 - the address is the user's
            return None
    except (OSError, ValueError) as error:
        answer = f": {error.read().decode(errors='replace')[:500]}" if isinstance(error, urllib.error.HTTPError) else ""
        return without_secrets(f"the run's numbers can't be pushed to {url}: {error}{answer}")


def _named(line: str) -> tuple[str, str]:
    """A sample's name and its job; empty for other lines."""
    match = re.match(r'(learnfold_\w+)\{batch_job="([^"]*)"', line)
    return (match[1], match[2]) if match else ("", "")
