"""No file of learnfold's own that rotted is believed: it is named, and made again from the events."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from small_place import Place, data
from test_integrity_records import said

from conftest import tries
from learnfold.batch.manifest import Manifest, read_current
from learnfold.engines.duckdb.broken import broken_files_named
from learnfold.errors import DamagedError
from learnfold.operate.files import verify_files
from learnfold.operate.rollback import rollback
from learnfold.operate.verify import verify
from learnfold.storage.folder import FolderStorage


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with two batches, segments and a quarantine, and a file that no batch has read yet."""
    place = Place(tmp_path_factory.mktemp("whole"))
    for day in range(1, 13):
        place.watch(day, *(f"u{number}" for number in range(40)))
    place.run()
    place.watch(13, "u1", "u2")
    place.add("video_topic", pa.table({"value": ["not json"]}), "year=2025/month=12/day=13")
    place.run()
    place.watch(14, "u1", "u2")
    shutil.copytree(place.out, place.root / "saved")
    return place.root


@pytest.fixture
def place(whole: Path) -> Place:
    """The same place, its output as it was."""
    shutil.rmtree(whole / "out")
    shutil.copytree(whole / "saved", whole / "out")
    return Place(whole)


def files_of(manifest: Manifest) -> list[str]:
    """The files below OUT that a batch needs, but for its manifest."""
    return sorted({file.path for job in manifest.jobs.values() for file in job.stored()})


def rot(path: Path, chance: random.Random) -> None:
    """A bit flips, or the end is lost; the times of the file stay what they were, as on a disk that fails."""
    told, content = path.stat(), bytearray(path.read_bytes())
    if chance.random() < 0.7:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    else:
        del content[chance.randrange(len(content)) :]
    path.write_bytes(bytes(content))
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))


def test_every_file_of_a_batch_has_its_digest(place: Place) -> None:
    """Rollups, segments, views and quarantine: size and SHA-256 are those of the file that is there."""
    current = place.current()
    stored = [file for job in current.jobs.values() for file in job.stored()]
    folders = {file.path.split("/")[0] for file in stored}
    assert folders == {"_batches", "_rollups", "_quarantine"}
    assert any("-block-" in file.path for file in stored)
    for file in stored:
        content = (place.out / file.path).read_bytes()
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest()), file.path


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(tries(16)))
def test_a_rotten_file_is_healed_by_the_next_run_and_never_believed(place: Place, seed: int) -> None:
    """A bit or a cut anywhere in any file: the next run ends well, and what it published is what the events give."""
    chance = random.Random(seed)
    names = files_of(place.current())
    rollups = [name for name in names if name.startswith("_rollups/")]
    path = chance.choice(rollups if seed % 2 else names)
    rot(place.out / path, chance)
    code, text = said(place.root, "run MASTER OUT --job video")
    assert code == 0, text
    assert place.current().jobs["video"].topics["video_topic"].events == 12 * 40 + 4
    verification = verify(place.workspace(), str(place.master))
    for view in verification.views:
        assert view.rows.same, (path, view)
    assert not verification.facts


@pytest.mark.parametrize("seed", range(tries(60)))
def test_a_rotten_file_anywhere_is_named_by_verify(place: Place, seed: int) -> None:
    """Of the published batch or of an older one; and without it, the run that the message names makes all right again."""
    chance = random.Random(f"named {seed}")
    older = Manifest.from_json((place.out / f"_batches/{place.current().parent}/manifest.json").read_bytes(), "older")
    path = chance.choice(sorted({*files_of(place.current()), *files_of(older)}))
    rot(place.out / path, chance)
    found = verify_files(place.workspace())
    assert list(found.damaged) == [path]
    assert found.published == ([path] if path in files_of(place.current()) else [])
    if seed % 40 == 0 and found.published:
        (place.out / path).unlink()
        assert said(place.root, "run MASTER OUT --job video")[0] == 0
        now = verify_files(place.workspace())
        assert now.published == [], path
        assert verify(place.workspace(), str(place.master)).right


@pytest.mark.parametrize("seed", range(tries(20)))
def test_a_rotten_manifest_is_never_believed(place: Place, seed: int) -> None:
    """Whatever bit flips in it, it is refused, though its JSON may make sense."""
    chance = random.Random(seed)
    path = place.out / f"_batches/{place.current().batch}/manifest.json"
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content) - 80)] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(content))
    code, text = said(place.root, "status OUT")
    assert code == 1
    assert "is no manifest of a batch" in text
    assert said(place.root, "rollback OUT")[0] == 0
    assert said(place.root, "status OUT")[0] == 0


def test_a_rotten_view_is_not_shown_nor_published_again(place: Place) -> None:
    """Who reads it is told which file it is; a rollback to its batch changes nothing."""
    older = place.current().parent
    manifest = Manifest.from_json((place.out / f"_batches/{older}/manifest.json").read_bytes(), "older")
    path = manifest.views["video_popularity"].paths[0]
    rot(place.out / path, random.Random(1))
    before = place.current().batch
    with pytest.raises(DamagedError, match="video_popularity") as caught:
        rollback(place.workspace(), str(older))
    assert list(caught.value.paths) == [path]
    assert place.current().batch == before
    code, text = said(place.root, f"show video_popularity OUT --batch {older}")
    assert code == 1
    assert path in text


def test_a_rotten_quarantine_is_named_and_made_again(place: Place) -> None:
    """Its invalid events are still in the master dataset."""
    path = next(name for name in files_of(place.current()) if name.startswith("_quarantine/"))
    whole = (place.out / path).read_bytes()
    (place.out / path).write_bytes(whole[:-9])
    assert list(verify_files(place.workspace()).damaged) == [path]
    assert said(place.root, "run MASTER OUT --job video")[0] == 0
    assert place.current().jobs["video"].topics["video_topic"].quarantined == {"not JSON": 1}
    assert verify_files(place.workspace()).published == []


def test_only_the_days_of_a_damaged_rollup_are_folded_again(tmp_path: Path) -> None:
    """The others are reused."""
    place = Place(tmp_path)
    for day in range(1, 6):
        place.watch(day, "u1", "u2")
        place.run()
    rollup = place.current().jobs["video"].topics["video_topic"].rollups["video_watches"]
    lost = next(file for file in rollup.files if len(file.days) == 1)
    (place.out / lost.path).write_bytes(b"rubbish")
    now = place.run().manifest
    assert (now.jobs["video"].folded_days, now.jobs["video"].reused_days) == (1, 4)
    assert verify(place.workspace(), str(place.master)).right


def forget_digests(place: Place) -> None:
    """Makes the published batch one of an earlier learnfold, which wrote none."""
    current = place.current()
    for job in current.jobs.values():
        job.views = {name: dataclasses.replace(view, sha256=[]) for name, view in job.views.items()}
        for topic in job.topics.values():
            topic.quarantines = {}
            for rollup in topic.rollups.values():
                rollup.files = [dataclasses.replace(file, sha256="") for file in rollup.files]
                rollup.segments = [dataclasses.replace(segment, sha256="") for segment in rollup.segments]
    assert b"sha256" not in current.to_json()
    (place.out / f"_batches/{current.batch}/manifest.json").write_bytes(current.to_json())


def test_batches_without_digests_stay_good(place: Place) -> None:
    """Such a batch is read, continued and verified by size."""
    forget_digests(place)
    found = verify_files(place.workspace())
    assert found.right
    assert found.unknown == len(files_of(place.current()))
    assert place.run().manifest.jobs["video"].folded_days == 1
    assert verify(place.workspace(), str(place.master)).right


@pytest.mark.parametrize("seed", range(tries(6)))
def test_what_has_no_digest_and_cannot_be_read_is_made_again(place: Place, seed: int) -> None:
    """Zeros or a flip in every rollup of such a batch: what can't be read is named and made again; never a traceback."""
    forget_digests(place)
    chance = random.Random(seed)
    for path in (place.out / "_rollups").rglob("*.parquet"):
        content = bytearray(path.read_bytes())
        if seed:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        else:
            content[len(content) // 8 : len(content) // 4] = bytes(len(content) // 4 - len(content) // 8)
        path.write_bytes(content)
    code, text = said(place.root, "run MASTER OUT --job video")
    assert code == 0, text
    if not seed:
        assert "_rollups/" in text
        assert verify(place.workspace(), str(place.master)).right


def test_bytes_that_are_no_text_in_an_error_of_duckdbs_are_an_error_of_the_file(place: Place) -> None:
    """DuckDB quotes what it read in some messages, and Python then raises what isn't DuckDB's error."""
    out = FolderStorage(str(place.out))
    (path, *_) = sorted((place.out / "_rollups").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    with (
        pytest.raises(DamagedError, match="it can't be read"),
        broken_files_named(out, [str(path.relative_to(place.out))]),
    ):
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


def test_the_command_names_what_is_damaged(place: Place) -> None:
    """0 when all is whole, 1 and the paths where not; plain paths are looked at too; IN may be left out."""
    told = data("verify", place.out, "--files")
    assert told["right"] is True
    assert told["without_digest"] == 0
    assert len(told["batches"]) == 2
    manifest, _ = read_current(FolderStorage(str(place.out)))
    assert manifest is not None
    path = manifest.views["video_popularity"].paths[0]
    (place.out / path).unlink()
    (place.out / path).write_bytes(b"x")
    code, text = said(place.root, "verify MASTER OUT --files")
    assert code == 1
    assert path in text
    assert "learnfold run" in text
    plain = place.out / "video_course_metrics/part-00000.parquet"
    plain.unlink()
    code, text = said(place.root, "verify OUT --files")
    assert code == 1
    assert "video_course_metrics/part-00000.parquet is gone" in text
    assert said(place.root, "verify OUT")[0] == 2
    assert said(place.root, "verify OUT --files --job auth")[0] == 2
