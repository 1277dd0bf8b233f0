"""Days are closed once, by a flag that a coordinator can wait for and that no run takes for events."""

from datetime import date
from pathlib import Path

from learnfold.cli import main
from learnfold.master.closed import CLOSED, DONE_FLAG, close_day, closed_days, closed_path, is_closed
from learnfold.oozie.coordinator import coordinator_xml
from learnfold.oozie.properties import read_properties
from learnfold.schedule.frequency import FREQUENCIES
from learnfold.settings import Settings
from learnfold.storage import open_storage

DAY = date(2025, 12, 10)


def test_a_day_is_closed_once(tmp_path: Path) -> None:
    """The second time is no news; the days come in order; what else lies there is no day."""
    master = open_storage(str(tmp_path), Settings())
    assert not is_closed(master, DAY)
    assert close_day(master, DAY)
    assert not close_day(master, DAY)
    assert close_day(master, date(2025, 1, 2))
    master.write(f"{CLOSED}/notes/{DONE_FLAG}", b"by hand")
    assert is_closed(master, DAY)
    assert closed_days(master) == [date(2025, 1, 2), DAY]


def test_the_flag_lies_where_the_coordinator_looks(tmp_path: Path) -> None:
    """closedPath/YYYY-MM-DD/_SUCCESS below the master dataset, and it isn't empty, which on S3 may count as nothing."""
    master = open_storage(str(tmp_path), Settings())
    close_day(master, DAY)
    text = (Path(__file__).parents[2] / "batch_layer" / "oozie" / "job.properties").read_text(encoding="utf-8")
    below = read_properties(text)["closedPath"].removeprefix("${inputPath}/")
    coordinator = coordinator_xml(FREQUENCIES["daily"])
    assert "<uri-template>${closedPath}/${YEAR}-${MONTH}-${DAY}</uri-template>" in coordinator
    assert f"<done-flag>{DONE_FLAG}</done-flag>" in coordinator
    assert closed_path(DAY) == f"{below}/2025-12-10/{DONE_FLAG}"
    assert (tmp_path / below / "2025-12-10" / DONE_FLAG).stat().st_size > 0


def test_a_run_sees_no_events_in_flags(tmp_path: Path, capsys) -> None:
    """A closed day changes nothing for a run."""
    master, views = str(tmp_path / "master"), str(tmp_path / "views")
    assert main(["generate", master, "--events", "500", "--days", "2"]) == 0
    assert main(["run", master, views]) == 0
    close_day(open_storage(master, Settings()), DAY)
    capsys.readouterr()
    assert main(["run", master, views]) == 0
    assert "nothing new" in capsys.readouterr().out
