"""Runs by the clock: one run at a time, each moment once, until it is asked to end."""

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
    from learnfold.telemetry.reporter import Reporter


@dataclass(frozen=True)
class RetryPolicy:
    """What happens when a run fails or was missed."""

    catch_up: bool = False  # run at once for what was missed while no scheduler ran
    retries: int = 2
    retry_seconds: float = 300.0


@dataclass(frozen=True)
class Scheduler:
    """Runs what is due, and remembers it in the journal."""

    journal: Journal
    clock: Clock
    policy: RetryPolicy
    reporter: Reporter

    def run(self, rule: Rule, work: Callable[[datetime], None]) -> int:
        """How many runs failed for good. Ends when ``rule`` does or the clock is stopped; a run under way is finished first.

        What comes due while a run goes on is one run after it, since a run takes in all that has come. So is what was missed while
        no scheduler ran, if the policy says to catch up; otherwise it is left out. A run that was cut short is always run again.
        """
        entry = self.journal.read() or Entry(self.clock.now())
        failed = 0
        if entry.begun:
            self._log(f"the run of {entry.begun:%Y-%m-%d %H:%M} UTC was cut short; again")
            failed += self._try(entry.begun, entry, work)
        elif not self.policy.catch_up and (missed := due(rule, entry.last, self.clock.now())):
            until = f"{missed.moment:%Y-%m-%d %H:%M} UTC"
            self._log(f"{missed.earlier + 1} run(s) missed, up to {until}; left out (--catch-up runs)")
            self.journal.write(Entry(missed.moment))
        entry = self.journal.read() or entry
        self.journal.write(entry)
        while not self.clock.stopped:
            found = due(rule, entry.last, self.clock.now())
            if found is None:
                coming = next(rule.after(max(entry.last, self.clock.now())), None)
                if coming is None:
                    break
                self.clock.wait_until(coming)
                continue
            if found.earlier:
                self._log(f"one run for the {found.earlier + 1} that were due up to {found.moment:%Y-%m-%d %H:%M} UTC")
            failed += self._try(found.moment, entry, work)
            entry = self.journal.read() or Entry(found.moment)
        return failed

    def _try(self, moment: datetime, entry: Entry, work: Callable[[datetime], None]) -> int:
        """1 if the run failed for good, else 0."""
        self.journal.write(Entry(entry.last, moment))
        failed = 0
        for attempt in range(self.policy.retries + 1):
            try:
                work(moment)
                break
            except LearnfoldError as error:
                again = attempt < self.policy.retries and not isinstance(error, UsageError)
                self._log(f"the run of {moment:%Y-%m-%d %H:%M} UTC failed: {error}{'; again' if again else ''}")
                if again:
                    self._pause()
                if not again or self.clock.stopped:
                    failed = 1
                    break
        self.journal.write(Entry(max(moment, entry.last)))
        return failed

    def _pause(self) -> None:
        """Waits before the next try, or until the clock is stopped."""
        end = self.clock.now() + timedelta(seconds=self.policy.retry_seconds)
        while not self.clock.stopped and self.clock.now() < end:
            self.clock.wait_until(end)

    def _log(self, note: str) -> None:
        self.reporter.log("schedule", note=note)
