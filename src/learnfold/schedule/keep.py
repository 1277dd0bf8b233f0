"""Keeps a schedule: one run at a time, each moment once, until it is asked to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from learnfold.errors import LearnfoldError, UsageError
from learnfold.schedule.journal import Entry
from learnfold.schedule.rule import due

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from learnfold.schedule.clock import Clock
    from learnfold.schedule.journal import Journal
    from learnfold.schedule.rule import Rule


@dataclass(frozen=True)
class RetryPolicy:
    """What it does when things go wrong."""

    catch_up: bool = False  # run at once for what was missed while it wasn't there
    retries: int = 2
    retry_seconds: float = 300.0


def keep(
    rule: Rule,
    journal: Journal,
    work: Callable[[datetime], None],
    clock: Clock,
    habits: RetryPolicy,
    say: Callable[[str], None],
) -> int:
    """How many of its runs failed for good. Ends when ``rule`` does or the clock is stopped; a run under way is finished first.

    What comes due while a run goes on is one run after it, since a run takes in all that has come. What was missed while nobody
    kept the schedule is too, if it is to be caught up, else it is left out; a run that was cut short is always run again.
    """
    entry = journal.read() or Entry(clock.now())
    failed = 0
    if entry.begun:
        say(f"the run of {entry.begun:%Y-%m-%d %H:%M} UTC was cut short; again")
        failed += _run(entry.begun, entry, journal, work, clock, habits, say)
    elif not habits.catch_up and (missed := due(rule, entry.last, clock.now())):
        say(f"{missed.earlier + 1} run(s) missed, up to {missed.moment:%Y-%m-%d %H:%M} UTC; left out (--catch-up runs)")
        journal.write(Entry(missed.moment))
    entry = journal.read() or entry
    journal.write(entry)
    while not clock.stopped:
        found = due(rule, entry.last, clock.now())
        if found is None:
            coming = next(rule.after(max(entry.last, clock.now())), None)
            if coming is None:
                break
            clock.wait_until(coming)
            continue
        if found.earlier:
            say(f"one run for the {found.earlier + 1} that were due up to {found.moment:%Y-%m-%d %H:%M} UTC")
        failed += _run(found.moment, entry, journal, work, clock, habits, say)
        entry = journal.read() or Entry(found.moment)
    return failed


def _run(
    moment: datetime,
    entry: Entry,
    journal: Journal,
    work: Callable[[datetime], None],
    clock: Clock,
    habits: RetryPolicy,
    say: Callable[[str], None],
) -> int:
    """1 if it failed for good, else 0."""
    journal.write(Entry(entry.last, moment))
    failed = 0
    for attempt in range(habits.retries + 1):
        try:
            work(moment)
            break
        except LearnfoldError as error:
            again = attempt < habits.retries and not isinstance(error, UsageError)
            say(f"the run of {moment:%Y-%m-%d %H:%M} UTC failed: {error}{'; again' if again else ''}")
            if again:
                end = clock.now() + timedelta(seconds=habits.retry_seconds)
                while not clock.stopped and clock.now() < end:
                    clock.wait_until(end)
            if not again or clock.stopped:
                failed = 1
                break
    journal.write(Entry(max(moment, entry.last)))
    return failed
