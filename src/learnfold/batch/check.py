"""What must be true of a batch before it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.batch.erasure_receipt import unfinished
from learnfold.engines import DayCounts
from learnfold.errors import CheckError, ShrunkError

if TYPE_CHECKING:
    from learnfold.batch.manifest import JobRecord, TopicRecord
    from learnfold.storage import Storage

_SHOWN = 10


def check_views(broken: dict[str, dict[str, list[dict[str, object]]]]) -> None:
    """Raises CheckError, naming each broken check with example rows, if any is broken."""
    if not broken:
        return
    lines = ["a check is broken; nothing was published:"]
    for view, checks in broken.items():
        for check, rows in checks.items():
            lines.append(f"  {view}: {check}, for example")
            lines += ["    " + ", ".join(f"{name}={value}" for name, value in row.items()) for row in rows]
    raise CheckError("\n".join(lines), {view: list(checks) for view, checks in broken.items()})


def check_nothing_shrank(last: JobRecord | None, topics: dict[str, TopicRecord], out: Storage) -> None:
    """Raises ShrunkError where a topic's day holds fewer events, those that were taken back too, than in the last batch."""
    lines = []
    for name, topic in topics.items():
        before = last.topics.get(name) if last else None
        if before is None or before.reading != topic.reading:
            continue
        for day, counts in before.days.items():
            found = topic.days.get(day, DayCounts())
            now, then = found.events + found.retracted, counts.events + counts.retracted
            if now < then:
                lines.append(f"  {name} {day}: {now} events, {then} in the last batch")
        gone = [path for path in before.files if path not in topic.files]
        if lines and gone:
            lines += [f"  {path} is gone" for path in gone[:_SHOWN]]
    if lines:
        more = [f"  and {len(lines) - 2 * _SHOWN} more"] if len(lines) > 2 * _SHOWN else []
        raise ShrunkError(
            "events that the last batch held are gone from the master dataset, which is never cut; nothing was published:\n"
            + "\n".join(lines[: 2 * _SHOWN] + more)
            + "\n"
            + _remedy(out)
        )


def _remedy(out: Storage) -> str:
    """What to do about events that are gone: first of all, finish an erasure that removed them and was stopped."""
    stopped = unfinished(out)
    if stopped:
        begun = ", ".join(f"{receipt.started_at} by {receipt.by}" for receipt in stopped)
        return f"An erasure that began {begun} was stopped before its end; give its command again, 'learnfold erase USER_ID …', to finish it"
    return "Bring them back, or accept the loss by --allow-shrink"
