"""The shipped catalog is kept between processes: never a stale one, and whatever is wrong with what is kept is no trouble."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.catalog import cached, stored

SHOW = (
    "import sys; from learnfold import catalog, cli, batch;"
    "print(len(catalog.load().views), int('learnfold.catalog.parse' in sys.modules), int('sqlglot' in sys.modules))"
)


VIEWS = len(catalog.load().views)


def sealed(text: bytes) -> bytes:
    """A file as it is kept, whatever its content."""
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def load(cache: Path) -> str:
    """How many views a new process finds, whether it read the SQL, and whether it loaded what reads SQL."""
    environment = {**os.environ, "LEARNFOLD_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first process kept; not to be changed."""
    place = tmp_path_factory.mktemp("kept")
    assert load(place) == f"{VIEWS} 1 1"
    return place


@pytest.fixture
def kept(first: Path, tmp_path: Path) -> Path:
    """The file of it, in a folder of the test's own."""
    (one,) = first.iterdir()
    return shutil.copy(one, tmp_path / one.name)


def test_the_second_process_reads_no_sql(kept: Path) -> None:
    """What the first one kept is the same catalog."""
    assert load(kept.parent) == f"{VIEWS} 0 0"
    digest, text = kept.read_bytes().split(b"\n")
    assert hashlib.sha256(text).hexdigest() == digest.decode()
    assert stored.from_data(json.loads(text)) == catalog.load()


@pytest.mark.parametrize("content", [b"", b"nothing of ours", b"\x80\x04}", sealed(b"[1]"), sealed(b'[["video"]]')])
def test_what_is_no_catalog_is_written_anew(kept: Path, content: bytes) -> None:
    """A torn or foreign file costs the reading, and nothing else."""
    kept.write_bytes(content)
    assert load(kept.parent) == f"{VIEWS} 1 1"
    assert load(kept.parent) == f"{VIEWS} 0 0"


def test_a_flipped_byte_is_not_believed(kept: Path) -> None:
    """Wherever it is: in a view's SQL it would be another view."""
    content = bytearray(kept.read_bytes())
    content[content.index(b"COUNT(")] ^= 1
    kept.write_bytes(content)
    assert load(kept.parent) == f"{VIEWS} 1 1"


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    """Nothing is kept then."""
    place = tmp_path / "a file"
    place.write_text("not a folder", "utf-8")
    assert load(place) == f"{VIEWS} 1 1"


def test_another_definition_is_another_catalog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The name of what is kept tells the scripts, the code that reads them and the versions."""
    monkeypatch.setenv("LEARNFOLD_CACHE", str(tmp_path))
    code = Path(cached.__file__).parent
    one = cached._place({"video": "SELECT 1"}, code)
    assert one is not None
    assert one == cached._place({"video": "SELECT 1"}, code)
    assert one != cached._place({"video": "SELECT 2"}, code)
    other = tmp_path / "code"
    other.mkdir()
    (other / "reading.py").write_text("# changed", "utf-8")
    assert one != cached._place({"video": "SELECT 1"}, other)


def test_old_ones_go_and_nothing_else(tmp_path: Path) -> None:
    """The newest few stay, for the other clones and versions in use; a writer's of today too, and all that isn't a catalog."""
    now = time.time()
    ages = {f"catalog-{number:032x}.json": number * 60 for number in range(1, 10)}
    ages |= {f"catalog-{0:032x}.json.{number}": number * 90_000 for number in (0, 1)}
    others = {"catalog-of-mine.json": 10**6, f"catalog-{0:032x}.json.txt": 10**6, "spark.jar": 10**6}
    for name, age in {**ages, **others}.items():
        (tmp_path / name).write_text("x", "utf-8")
        os.utime(tmp_path / name, (now - age, now - age))
    assert load(tmp_path) == f"{VIEWS} 1 1"
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= others.keys()
    assert left & ages.keys() == {
        *(f"catalog-{number:032x}.json" for number in range(1, 5)),
        f"catalog-{0:032x}.json.0",
    }
    assert len(left) == len(others) + 5 + 1
    assert load(tmp_path) == f"{VIEWS} 0 0"
