"""``make test`` tries once more what failed, once and no more than that, and says what the run cost."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The tool, which is a script."""
    spec = importlib.util.spec_from_file_location("run_tests", TESTS.parent / "tools" / "run_tests.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_tests"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tests that says what its tests cost; its one test file is written by the test."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("from cost import pytest_addoption, pytest_configure\n", encoding="utf-8")
    return tmp_path


SECOND_TIME = """
from pathlib import Path

def test_the_second_time():
    tried = Path("tried")
    again = tried.exists()
    tried.touch()
    assert again

def test_at_once():
    assert not Path("twice").exists()
    Path("twice").touch()
"""


def written(project: Path, text: str) -> Path:
    """The project, with this test file."""
    (project / "test_it.py").write_text(text, encoding="utf-8")
    return project


def test_what_failed_is_tried_once_more_alone_and_named(tool: ModuleType, project: Path) -> None:
    """A test that passes the second time makes the part pass and is named; one that passed isn't run again."""
    code, cost = tool.run_part(tool.Part("some", ("-q",)), written(project, SECOND_TIME))
    assert code == 0
    assert cost.passed_again == ["test_it.py::test_the_second_time"]
    assert set(cost.tests) == {"test_it.py::test_the_second_time", "test_it.py::test_at_once"}
    assert "Passed only when tried once more\n  test_it.py::test_the_second_time" in tool.report([cost])


def test_failing_twice_is_failing(tool: ModuleType, project: Path) -> None:
    """Its exit code says so, and it is not tried a third time."""
    text = (
        "from pathlib import Path\n\ndef test_it():\n    print('x', file=Path('tried').open('a'))\n    assert False\n"
    )
    code, cost = tool.run_part(tool.Part("some", ("-q",)), written(project, text))
    assert code == 1
    assert cost.passed_again == []
    assert (project / "tried").read_text(encoding="utf-8").split() == ["x", "x"]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("raise KeyboardInterrupt", id="interrupted"),
        pytest.param("import pytest; pytest.exit('enough', 3)", id="ended early"),
        pytest.param("import os; os._exit(9)", id="died"),
    ],
)
def test_a_part_that_did_not_run_all_its_tests_is_not_tried_again(tool: ModuleType, project: Path, end: str) -> None:
    """Else those that failed before the end would pass the second time, and those after it never run."""
    text = f"{SECOND_TIME}\ndef test_end():\n    {end}\n\ndef test_never_run():\n    assert False\n"
    code, cost = tool.run_part(tool.Part("some", ("-q",)), written(project, text))
    assert code not in {0, 1}
    assert cost.passed_again == []


def test_failures_of_an_earlier_run_are_none_of_this_one(tool: ModuleType, project: Path) -> None:
    """What failed in another part, or yesterday, isn't tried in place of what failed now."""
    part = tool.Part("some", ("-q",))
    assert tool.run_part(part, written(project, "def test_old():\n    assert False\n"))[0] == 1
    written(project, SECOND_TIME).joinpath("test_old.py").write_text("def test_old():\n    pass\n", encoding="utf-8")
    code, cost = tool.run_part(part, project)
    assert (code, cost.passed_again) == (0, ["test_it.py::test_the_second_time"])


def test_the_run_says_what_it_cost_and_names_the_ten_slowest(tool: ModuleType) -> None:
    """Seconds in all and by part; of tests the sum of their phases, slowest first, however many parts."""
    quick = tool.Cost("tests", 75.4, {f"a.py::test_{n}": {"call": float(n)} for n in range(1, 10)})
    slow = tool.Cost("services", 3725, {"b.py::test_s3": {"setup": 60.0, "call": 1.5}, "b.py::test_x": {"call": 0.5}})
    lines = tool.report([tool.Cost("lint", 3.2), quick, slow]).splitlines()
    assert lines[1:5] == [
        "What this run cost: 63:24 min",
        "       3 s  lint",
        "  1:15 min  tests (9 tests)",
        "  62:05 min  services (2 tests)",
    ]
    named = [line.split()[-1] for line in lines if "::" in line]
    assert named == ["b.py::test_s3", *(f"a.py::test_{n}" for n in range(9, 0, -1))]
    assert next(line for line in lines if "test_s3" in line) == "    61.5 s ( 60.0 s)  b.py::test_s3"


def test_every_test_belongs_to_one_part(tool: ModuleType) -> None:
    """The parts' marks leave no test out and take none twice."""
    marks = [part.options[part.options.index("-m") + 1] for part in tool.PARTS if part.options]
    for services in (True, False):
        for oozie in (True, False):
            taken = [mark for mark in marks if eval(mark, {}, {"services": services, "oozie": oozie})]
            assert len(taken) == 1, (services, oozie)


def test_what_a_worker_runs_is_counted_once(tool: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two workers each test's cost comes from the one that ran it."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    tests = "".join(f"def test_{number}():\n    pass\n\n" for number in range(6))
    code, cost = tool.run_part(tool.Part("some", ("-n", "2")), written(project, tests))
    assert code == 0
    assert sorted(cost.tests) == [f"test_it.py::test_{number}" for number in range(6)]
    assert all(set(phases) == {"setup", "call", "teardown"} for phases in cost.tests.values())


SAYS = """
import os
from remarks import Remarks, remarks

def pytest_configure(config):
    config.pluginmanager.register(Remarks(config), "remarks")

def pytest_sessionfinish(session):
    if os.environ.get("PYTEST_XDIST_WORKER", "alone") == os.environ["SPEAKER"]:
        session.config.stash[remarks].append("something to say")
"""


@pytest.mark.parametrize(("workers", "speaker"), [("0", "alone"), ("2", "gw1")])
def test_what_a_run_has_to_say_is_said_whichever_worker_it_comes_from(
    project: Path, workers: str, speaker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A remark, of a worker too, is printed once, at the end."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # this test may run in a worker itself
    monkeypatch.setenv("SPEAKER", speaker)
    (project / "conftest.py").write_text(SAYS, encoding="utf-8")
    written(project, "def test_it():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("something to say") == 1
