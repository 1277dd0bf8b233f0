"""The built-in scheduler: clock changes, missed nights, crashes, long and failing runs; its time is the test's."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from learnfold.cli import main
from learnfold.errors import DataError, StorageError, UsageError
from learnfold.schedule.clock import SystemClock
from learnfold.schedule.frequency import FREQUENCIES
from learnfold.schedule.journal import Entry, Journal
from learnfold.schedule.rule import Cron, Once, due, interval_seconds
from learnfold.schedule.scheduler import RetryPolicy, Scheduler
from learnfold.settings import Settings
from learnfold.storage import open_storage
from learnfold.telemetry.reporter import Reporter


def utc(text: str) -> datetime:
    """A moment as ISO 8601 says it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first(rule: Cron, after: str, count: int) -> list[str]:
    """The moments after one, as UTC."""
    moments = rule.after(utc(after))
    return [f"{next(moments):%d %H:%M}" for _ in range(count)]


class Time:
    """A clock that is at once at the moment waited for, until ``end``."""

    def __init__(self, now: str, end: str) -> None:
        self._now, self._end = utc(now), utc(end)

    @property
    def stopped(self) -> bool:
        return self._now >= self._end

    def now(self) -> datetime:
        return self._now

    def wait_until(self, moment: datetime) -> None:
        self._now = min(max(moment, self._now), self._end)

    def spend(self, **span: float) -> None:
        """Time goes by; it may go backwards."""
        self._now += timedelta(**span)


class Notes(Reporter):
    """What the scheduler reported, in order."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def log(self, event: str, **fields: object) -> None:
        assert event == "schedule"
        self.notes.append(str(fields["note"]))


class Life:
    """One schedule, run in turns."""

    def __init__(self, folder: Path, rule: Cron | Once) -> None:
        self.rule, self.journal = rule, Journal(open_storage(str(folder), Settings()))
        self.ran: list[str] = []
        self.reporter = Notes()

    def run(
        self,
        now: str,
        end: str,
        work: Callable[[Time, datetime], None] | None = None,
        policy: RetryPolicy | None = None,
    ) -> int:
        """Run from ``now`` to ``end``; what ran is in ``ran``, by its moment and when it began."""
        clock = Time(now, end)

        def run(moment: datetime) -> None:
            self.ran.append(f"{moment:%d %H:%M} at {clock.now():%d %H:%M}")
            if work:
                work(clock, moment)

        scheduler = Scheduler(self.journal, clock, policy or RetryPolicy(), self.reporter)
        return scheduler.run(self.rule, run)


@pytest.fixture
def nightly(tmp_path: Path) -> Life:
    """Each night at midnight."""
    return Life(tmp_path, Cron("0 0 * * *"))


def test_each_night_runs_once(nightly: Life) -> None:
    """At midnight UTC, and not again before the next."""
    assert nightly.run("2026-11-01T12:00", "2026-11-04T12:00") == 0
    assert nightly.ran == ["02 00:00 at 02 00:00", "03 00:00 at 03 00:00", "04 00:00 at 04 00:00"]


def test_the_choices_are_due_as_they_say() -> None:
    """Hourly, every six hours, daily and weekly (on Mondays)."""
    found = {name: first(Cron(choice.cron), "2026-11-01T03:30", 2) for name, choice in FREQUENCIES.items()}
    assert found == {
        "hourly": ["01 04:00", "01 05:00"],
        "6h": ["01 06:00", "01 12:00"],
        "daily": ["02 00:00", "03 00:00"],
        "weekly": ["02 00:00", "09 00:00"],
    }


def test_the_left_out_hour_of_spring_is_made_up_for() -> None:
    """In Berlin the clock goes from 02:00 to 03:00 on 29 March 2026: what is due at 02:30 is due at 03:00, once."""
    assert first(Cron("30 2 * * *", "Europe/Berlin"), "2026-03-27T12:00", 3) == ["28 01:30", "29 01:00", "30 00:30"]


def test_the_doubled_hour_of_autumn_counts_once() -> None:
    """02:30 comes twice on 25 October 2026, and is due the first time."""
    assert first(Cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00", 2) == ["25 00:30", "26 01:30"]


def test_hourly_goes_by_real_time_across_both_changes() -> None:
    """Neither is an hour left out nor one run twice."""
    rule = Cron("0 * * * *", "Europe/Berlin")
    assert first(rule, "2026-03-28T23:30", 4) == ["29 00:00", "29 01:00", "29 02:00", "29 03:00"]
    assert first(rule, "2026-10-24T23:30", 4) == ["25 00:00", "25 01:00", "25 02:00", "25 03:00"]


def test_midnight_that_does_not_exist_is_made_up_for() -> None:
    """Where the clock changes at midnight (Cairo, 24 April 2026) that night still has its run."""
    assert first(Cron("0 0 * * *", "Africa/Cairo"), "2026-04-22T23:00", 2) == ["23 22:00", "24 21:00"]


def test_missed_nights_are_caught_up_by_one_run(nightly: Life) -> None:
    """After three nights away, --catch-up runs at once and once; without it, the next night."""
    nightly.run("2026-11-01T12:00", "2026-11-02T12:00")
    nightly.ran.clear()
    nightly.run("2026-11-05T12:00", "2026-11-06T12:00", policy=RetryPolicy(catch_up=True))
    assert nightly.ran == ["05 00:00 at 05 12:00", "06 00:00 at 06 00:00"]
    assert "one run for the 3 that were due" in nightly.reporter.notes[-1]


def test_missed_nights_are_left_out_unless_asked_for(nightly: Life) -> None:
    """And it is said how many."""
    nightly.run("2026-11-01T12:00", "2026-11-02T12:00")
    nightly.ran.clear()
    nightly.run("2026-11-05T12:00", "2026-11-06T12:00")
    assert nightly.ran == ["06 00:00 at 06 00:00"]
    assert "3 run(s) missed" in nightly.reporter.notes[-1]


def test_the_first_time_nothing_was_missed(nightly: Life) -> None:
    """A schedule that begins today owes nothing, even with --catch-up."""
    nightly.run("2026-11-05T12:00", "2026-11-05T23:00", policy=RetryPolicy(catch_up=True))
    assert nightly.ran == []


def test_a_run_cut_short_by_a_crash_is_run_again(nightly: Life) -> None:
    """Whoever starts next runs it at once, without being asked to catch up."""

    def crash(_clock: Time, _moment: datetime) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nightly.run("2026-11-01T12:00", "2026-11-03T12:00", crash)
    nightly.run("2026-11-02T09:00", "2026-11-02T12:00")
    assert nightly.ran == ["02 00:00 at 02 00:00", "02 00:00 at 02 09:00"]
    nightly.run("2026-11-02T13:00", "2026-11-02T14:00")
    assert len(nightly.ran) == 2


def test_what_comes_due_while_a_run_goes_on_is_one_run_after_it(tmp_path: Path) -> None:
    """An hourly run that takes 2 h 30 min is followed by one run at once, not by two, and never by two side by side."""
    life = Life(tmp_path, Cron("0 * * * *"))
    life.run(
        "2026-11-01T00:30", "2026-11-01T05:00", lambda clock, moment: clock.spend(hours=2.5 if moment.hour == 1 else 0)
    )
    assert life.ran[:3] == ["01 01:00 at 01 01:00", "01 03:00 at 01 03:30", "01 04:00 at 01 04:00"]


def test_a_clock_set_back_runs_no_night_twice(nightly: Life) -> None:
    """After midnight's run the clock is set back by an hour: midnight comes again, the run doesn't."""
    nightly.run(
        "2026-11-01T23:00", "2026-11-03T12:00", lambda clock, moment: clock.spend(hours=-1 if moment.day == 2 else 0)
    )
    assert nightly.ran == ["02 00:00 at 02 00:00", "03 00:00 at 03 00:00"]


def test_a_failed_run_is_tried_again(nightly: Life) -> None:
    """Some minutes later; it counts as done when it succeeds."""

    def fail_once(_clock: Time, _moment: datetime) -> None:
        if len(nightly.ran) == 1:
            raise StorageError("no room")

    assert nightly.run("2026-11-01T12:00", "2026-11-02T12:00", fail_once) == 0
    assert nightly.ran == ["02 00:00 at 02 00:00", "02 00:00 at 02 00:05"]
    assert "no room; again" in nightly.reporter.notes[0]


def test_a_run_that_keeps_failing_is_given_up_until_the_next(nightly: Life) -> None:
    """It is counted as failed, and the next night has its own tries; a mistake in the settings isn't tried again."""

    def fail(_clock: Time, moment: datetime) -> None:
        raise StorageError("no room") if moment.day == 2 else UsageError("no such zone")

    assert nightly.run("2026-11-01T12:00", "2026-11-03T12:00", fail, RetryPolicy(retries=1, retry_seconds=60)) == 2
    assert nightly.ran == ["02 00:00 at 02 00:00", "02 00:00 at 02 00:01", "03 00:00 at 03 00:00"]


def test_asked_to_end_it_finishes_the_run_and_begins_none(nightly: Life) -> None:
    """What is under way is recorded as done; what is due after that isn't begun."""
    nightly.run("2026-11-01T12:00", "2026-11-02T01:00", lambda clock, _: clock.spend(days=3))
    assert nightly.ran == ["02 00:00 at 02 00:00"]
    assert nightly.journal.read() == Entry(utc("2026-11-02T00:00"))


def test_the_time_between_runs_is_the_longest_one() -> None:
    """For the alert rules: a schedule of working days is not late on a Sunday; what runs once has none."""
    monday = utc("2026-11-02T12:00")
    assert interval_seconds(Cron("0 0 * * *"), monday) == 86_400
    assert interval_seconds(Cron("0 2 * * MON-FRI"), monday) == 3 * 86_400
    assert interval_seconds(Once(utc("2026-12-01T00:00")), monday) == 0


def test_once_is_once(tmp_path: Path) -> None:
    """It ends by itself after its one run, also when it is started again."""
    life = Life(tmp_path, Once(utc("2026-11-02T03:00")))
    life.run("2026-11-01T12:00", "2027-01-01T00:00")
    life.run("2026-11-05T12:00", "2027-01-01T00:00", policy=RetryPolicy(catch_up=True))
    assert life.ran == ["02 03:00 at 02 03:00"]


def test_due_tells_the_last_moment_and_how_many_came_before_it() -> None:
    """None when nothing is due; the moment itself counts as due."""
    rule = Cron("0 0 * * *")
    assert due(rule, utc("2026-11-01T00:00"), utc("2026-11-01T23:59")) is None
    found = due(rule, utc("2026-11-01T00:00"), utc("2026-11-04T00:00"))
    assert found is not None
    assert (found.moment, found.earlier) == (utc("2026-11-04T00:00"), 2)


@pytest.mark.parametrize(
    ("expression", "said"),
    [("0 0 * *", "five fields"), ("0 25 * * *", "Bad hour"), ("0 0 30 2 *", "is n"), ("* * * * * *", "five fields")],
)
def test_an_expression_that_is_none_is_refused(expression: str, said: str) -> None:
    """With what is wrong; one that is never due too."""
    with pytest.raises(UsageError, match=said):
        Cron(expression)


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """With what to do about it."""
    (tmp_path / "_schedule").mkdir()
    (tmp_path / "_schedule" / "journal.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="delete it"):
        Journal(open_storage(str(tmp_path), Settings())).read()


def test_the_systems_clock_can_be_stopped() -> None:
    """Waiting ends at once then."""
    clock = SystemClock()
    clock.stop()
    clock.wait_until(clock.now() + timedelta(hours=1))
    assert clock.stopped


@pytest.mark.parametrize(
    ("flags", "said"),
    [(["--zone", "Mars/Base"], "no time zone"), (["--once-at", "soon"], "no time;"), (["--retries", "-1"], "negative")],
)
def test_a_flag_that_means_nothing_is_refused(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line."""
    assert main(["schedule", "in", "out", *flags]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_runs_and_ends_when_asked(tmp_path: Path) -> None:
    """A real process: a moment in a second, the views are there, it ends by itself; one that waits ends on SIGTERM with 0."""
    master, views = tmp_path / "master", tmp_path / "views"
    assert main(["generate", str(master), "--events", "2000"]) == 0
    command = [sys.executable, "-m", "learnfold", "schedule", str(master), str(views)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    at = (datetime.now(UTC) + timedelta(seconds=10)).isoformat()
    done = subprocess.run(
        [*command, "--once-at", at], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "video_total_watch_time" in done.stdout
    assert (views / "video_total_watch_time" / "part-00000.parquet").exists()
    assert json.loads((views / "_schedule" / "journal.json").read_text(encoding="utf-8"))["begun"] is None
    waiting = subprocess.Popen([*command, "--every", "weekly"], env=environment, stderr=subprocess.PIPE, text=True)
    assert waiting.stderr is not None
    assert "schedule 0 0 * * MON UTC" in waiting.stderr.readline()
    waiting.send_signal(signal.SIGTERM)
    rest = waiting.communicate(timeout=30)[1]
    assert waiting.returncode == 0, rest
    assert "asked to end" in rest
