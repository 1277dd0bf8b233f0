"""No process that the tests start outlives them; what they build is built once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.stack.cache import cache_folder, made
from services.stack.need import missing
from services.stack.service import Service, ServiceError, busy, started_twice

pytestmark = pytest.mark.services

TESTS = Path(__file__).parent.parent
SLEEPER = '''
import os, time
from pathlib import Path
from services.stack.service import Service

FOLDER = Path({folder!r})

class Sleeper(Service):
    """One process, and one in a session of its own."""
    name = "sleeper"

    def command(self):
        return ["sh", "-c", "setsid sleep 300 & echo $! > far.new; mv far.new far; exec sleep 300"]

    def ready(self):
        return (FOLDER / "far").exists()

def test_it():
    with Sleeper(FOLDER) as service:
        (FOLDER / "near.new").write_text(str(service.pid))
        (FOLDER / "near.new").rename(FOLDER / "near")
        {then}
'''


def wait_until(true, seconds: float = 120) -> bool:
    """Whether it came true in time; a busy machine may need long to start a Python."""
    end = time.monotonic() + seconds
    while not (come := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return come


@pytest.mark.parametrize(
    ("then", "number"),
    [
        pytest.param("time.sleep(300)", signal.SIGKILL, id="killed"),
        pytest.param("time.sleep(300)", signal.SIGTERM, id="terminated"),
        pytest.param("time.sleep(300)", signal.SIGINT, id="ctrl-c"),
        pytest.param("os.abort()", None, id="crashed"),
        pytest.param("assert False", None, id="failed"),
    ],
)
def test_no_service_outlives_its_test_run(then: str, number: int | None, tmp_path: Path) -> None:
    """However pytest ends, a service and its descendants, also one in a session of its own, are gone within 5 s."""
    folder = tmp_path / "service"
    folder.mkdir()
    test = tmp_path / "test_it.py"
    test.write_text(SLEEPER.format(folder=str(folder), then=then), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        assert wait_until((folder / "near").exists)
        processes = [Path("/proc") / (folder / name).read_text().strip() for name in ("near", "far")]
        if number is not None:
            assert all(process.exists() for process in processes)
            run.send_signal(number)
        assert run.wait(120) != 0
    assert wait_until(lambda: not any(process.exists() for process in processes), seconds=5)


@pytest.fixture(autouse=True)
def _unreported() -> Iterator[None]:
    """The failed starts that these tests want are none of the test run's."""
    before = list(started_twice)
    started_twice.clear()
    yield
    started_twice[:] = before


class Shell(Service):
    """A shell command."""

    name = "shell"
    patience_seconds = 0.5

    def __init__(self, folder: Path, text: str, *, answers: bool) -> None:
        super().__init__(folder)
        self.text, self.answers = text, answers

    def command(self) -> list[str]:
        return ["sh", "-c", self.text]

    def ready(self) -> bool:
        return self.answers


def test_a_service_that_ends_at_once_says_why(tmp_path: Path) -> None:
    """Its exit code and the end of its log are in the error."""
    with pytest.raises(ServiceError, match=r"(?s)ended with code 7.*no such setting"):
        Shell(tmp_path, "echo no such setting >&2; exit 7", answers=False).start()


def test_a_service_that_never_answers_is_ended(tmp_path: Path) -> None:
    """After its patience, twice, the start fails, and the process is gone."""
    service = Shell(tmp_path, "echo waiting; exec sleep 300", answers=False)
    with pytest.raises(ServiceError, match=r"(?s)not ready after \d+ s.*waiting.*waiting"):
        service.start()
    assert not service.alive
    assert not Path(f"/proc/{service.pid}").exists()


class Second(Shell):
    """Fails at its first start, and leaves something half made; a start that finds that fails too."""

    def __init__(self, folder: Path) -> None:
        once = "test ! -e half || exit 4; touch half; test -e tried || { touch tried; exit 3; }"
        super().__init__(folder, f"{once}; touch up; exec sleep 300", answers=False)

    def ready(self) -> bool:
        return (self.folder / "up").exists()

    def remove_unfinished(self) -> None:
        (self.folder / "half").unlink()


def test_a_start_that_fails_is_tried_once_more_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the first one left half made is removed before; the message says what failed, at once and at the run's end."""
    with Second(tmp_path) as service:
        assert service.alive
        assert started_twice == ["shell ended with code 3; it was started once more."]
        assert started_twice[0] in capsys.readouterr().err


def test_a_restart_that_fails_keeps_what_the_service_holds(tmp_path: Path) -> None:
    """Only a service that was never ready has its files removed: afterwards they are what the tests are about."""
    service = Second(tmp_path).start()
    service.kill()
    (tmp_path / "up").unlink()
    with pytest.raises(ServiceError, match="ended with code 4"):
        service.start()
    assert (tmp_path / "half").exists()


def test_a_busy_machine_gets_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With eight processes wanting each core, a service that takes six times its patience is awaited."""
    monkeypatch.setattr(os, "getloadavg", lambda: (8.0 * (os.cpu_count() or 1), 0, 0))
    assert busy() == 8.0
    service = Second(tmp_path)
    service.text = "sleep 3; touch up; exec sleep 300"
    with service:
        assert service.start_seconds >= 3
        assert not started_twice
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0, 0))
    assert busy() == 1.0


def test_a_service_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """stop() ends it by force when its grace is over."""
    service = Shell(tmp_path, "trap '' TERM; echo deaf; while :; do sleep 0.1; done", answers=True).start()
    service.grace_seconds = 0.5
    assert wait_until(lambda: "deaf" in service.tail())
    service.stop()
    assert not service.alive
    assert not Path(f"/proc/{service.pid}").exists()


def test_a_thing_is_made_once_for_many_processes(tmp_path: Path) -> None:
    """Processes that ask for the same thing at once get the same folder, filled by one of them."""
    code = """if True:
        import os, time
        from services.stack.cache import made
        def make(folder):
            time.sleep(0.3)
            (folder / "maker").write_text(str(os.getpid()))
        print((made("thing", make) / "maker").read_text())
    """
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "LEARNFOLD_CACHE": str(tmp_path)}

    def ask(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
        ).stdout

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thing", "thing.lock"]


def test_a_thing_half_made_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A make that fails leaves nothing, and the next one is asked again."""
    monkeypatch.setenv("LEARNFOLD_CACHE", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        made("thing", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["thing.lock"]
    assert (made("thing", lambda folder: (folder / "whole").touch()) / "whole").exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LEARNFOLD_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/learnfold"),
        ({"HOME": "/c"}, "/c/.cache/learnfold"),
    ],
)
def test_the_cache_is_where_the_environment_says(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LEARNFOLD_CACHE wins over XDG_CACHE_HOME, which wins over the home folder."""
    for name in ("LEARNFOLD_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_what_the_machine_lacks_skips_a_test_and_fails_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same reason is a skip for a developer and a failure where CI=true."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such thing"):
        missing("no such thing")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no such thing"):
        missing("no such thing")


def test_workers_of_one_run_take_no_ports_of_each_other() -> None:
    """Else a port that is free for both would be taken by one when the other's service binds it."""
    code = (
        "from services.stack.service import PORTS, free_ports; assert set(free_ports(3)) <= set(PORTS); print(*PORTS)"
    )
    ports = []
    for worker in ("gw0", "gw1"):
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_XDIST_WORKER": worker}
        environment["PYTEST_XDIST_WORKER_COUNT"] = "2"
        done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
        ports.append(set(done.stdout.split()))
    assert len(ports[0]) == len(ports[1]) == 5000
    assert not ports[0] & ports[1]
