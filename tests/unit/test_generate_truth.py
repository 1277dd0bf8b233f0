"""What a made-up semester says of itself is so, whatever happened to its events on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from contract import VIEWS
from made_semester import dataset, missed, truth_of

import oracle
from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.generate import Semester, Shape, generate
from learnfold.generate.flaws import UNPARSED
from learnfold.settings import Settings

pytestmark = pytest.mark.slow

CLEAN = Semester(events=6_000, days=12, seed=5)
DIRTY = replace(CLEAN, duplicates=0.2, late=0.1, out_of_order=0.3, malformed=0.2)
WAYS = [
    (DIRTY, "flat"),
    (DIRTY, "envelope"),
    (replace(DIRTY, awkward=True), "flat"),
    (replace(DIRTY, awkward=True), "envelope"),
]


@pytest.fixture(scope="module", params=WAYS, ids=["flat", "envelope", "awkward", "awkward envelope"])
def dirty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same semester, its events late, twice, shuffled and among broken ones."""
    out = tmp_path_factory.mktemp("dirty") / "master"
    semester, shape = request.param
    generate(semester, out, shape=shape)
    return out


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The semester as it happened."""
    out = tmp_path_factory.mktemp("clean") / "master"
    generate(CLEAN, out)
    return out


def test_every_view_has_a_planted_row(clean: Path) -> None:
    """No view of the seed's goes without rows that are known beforehand; of the others test_signals knows students."""
    assert {planted["view"] for planted in truth_of(clean)["planted"]} == set(VIEWS)


def test_planted_keys_and_columns_are_the_views_own(clean: Path) -> None:
    """The truth names each view's whole key, and every other column the contract gives it."""
    views = catalog.load().views
    for planted in truth_of(clean)["planted"]:
        view = views[planted["view"]]
        assert tuple(planted["key"]) == oracle.KEYS[view.name]
        assert set(planted["key"]) | set(planted["expect"]) <= {column.name for column in view.columns}


def test_the_contract_gives_the_planted_rows(clean: Path) -> None:
    """Reckoned by the oracle, the planted rows are as the truth says."""
    assert missed(truth_of(clean), oracle.answers(dataset(clean))) == []


def test_the_planted_rows_outlive_every_fault(dirty: Path) -> None:
    """Late, copied, shuffled, malformed and awkward: the planted rows stay."""
    assert missed(truth_of(dirty), oracle.answers(dataset(dirty))) == []


@pytest.mark.parametrize("days", [1, 2, 9])
def test_the_planted_rows_hold_in_a_short_semester(days: int, tmp_path: Path) -> None:
    """However few days there are, what is planted comes true."""
    generate(Semester(events=1_500, days=days), tmp_path / "master")
    assert missed(truth_of(tmp_path / "master"), oracle.answers(dataset(tmp_path / "master"))) == []


def test_the_counts_are_what_the_contract_finds(dirty: Path) -> None:
    """Rows, valid events by type, copies and malformed rows: counted by the oracle, they are what the truth says."""
    messages, counts = dataset(dirty), truth_of(dirty)["counts"]
    assert counts.keys() == catalog.load().topics.keys()
    for topic, said in ((topic, counts[topic]) for topic in messages):
        events, invalid = oracle.read_events(messages[topic], topic)
        assert said["rows"] == len(messages[topic])
        assert said["events"] == Counter(event["event_type"] for event in events)
        assert said["duplicates"] == len(messages[topic]) - len(events) - len(invalid)
        found = Counter(message.reason.partition(":")[0] for message in invalid)
        meant = Counter[str]()
        for flaw, rows in said["malformed"].items():
            meant["not a JSON object" if flaw in UNPARSED else flaw.partition(" ")[0]] += rows
        assert meant == found


def test_faults_change_no_view(clean: Path, tmp_path: Path) -> None:
    """A semester delivered badly gives the views of the same semester delivered well, in either shape."""
    expected = oracle.answers(dataset(clean))
    shapes: tuple[Shape, Shape] = ("flat", "envelope")
    for shape in shapes:
        generate(DIRTY, tmp_path / shape, shape=shape)
        actual = oracle.answers(dataset(tmp_path / shape))
        assert [
            line for view, key in oracle.KEYS.items() for line in oracle.same(expected[view], actual[view], key)
        ] == []


def test_a_batch_run_gives_the_planted_rows(dirty: Path, tmp_path: Path) -> None:
    """The batch layer itself finds what was planted, in what it publishes."""
    run(RunRequest(str(dirty), str(tmp_path / "out"), ()), catalog.load(), Settings())
    views = {view: pq.read_table(tmp_path / "out" / view / "part-00000.parquet").to_pylist() for view in oracle.KEYS}
    assert missed(truth_of(dirty), views) == []
