"""A folder as storage: what is there is whole, and of two who swap one wins."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_place import Place, learnfold

from learnfold.errors import ConflictError, MissingDataError, StorageError, UsageError
from learnfold.settings import Settings
from learnfold.storage import open_storage, passed_over, same_place
from learnfold.storage.folder import FolderStorage


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    """An empty folder."""
    return FolderStorage(str(tmp_path / "place"))


def everything(storage: FolderStorage) -> list[str]:
    """Every path there is, locks aside, as the system sees it."""
    found = (path.relative_to(storage.root).as_posix() for path in storage.root.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.endswith(".lock"))


def test_what_is_written_is_read(storage: FolderStorage) -> None:
    """Folders are made on the way; what isn't there is None."""
    assert (storage.exists(), storage.read("a/b"), storage.read_tagged("a/b"), storage.list()) == (
        False,
        None,
        None,
        [],
    )
    storage.write("a/b", b"one")
    storage.write("a/b", b"two")
    assert (storage.exists(), storage.read("a/b")) == (True, b"two")
    assert everything(storage) == ["a/b"]


def test_a_swap_needs_the_tag_of_what_is_there(storage: FolderStorage) -> None:
    """None for what isn't there yet, else the tag that reading or the last swap gave."""
    first = storage.swap("p", b"1", None)
    assert storage.read_tagged("p") == (b"1", first)
    with pytest.raises(ConflictError, match="changed by another run"):
        storage.swap("p", b"2", None)
    second = storage.swap("p", b"2", first)
    with pytest.raises(ConflictError):
        storage.swap("p", b"3", first)
    assert storage.read_tagged("p") == (b"2", second)
    assert not storage.delete_if("p", first)
    assert storage.delete_if("p", second)
    assert not storage.delete_if("p", second)
    with pytest.raises(ConflictError):
        storage.swap("p", b"4", second)
    assert storage.read("p") is None


COUNTING = """
import sys
from learnfold.errors import ConflictError
from learnfold.storage.folder import FolderStorage
storage, left = FolderStorage(sys.argv[1]), int(sys.argv[2])
while left:
    found = storage.read_tagged("count")
    number = int(found[0].split()[0]) if found else 0
    try:
        storage.swap("count", f"{number + 1} {sys.argv[3]} {left}".encode(), found[1] if found else None)
    except ConflictError:
        continue
    left -= 1
"""


def test_swaps_of_several_processes_lose_nothing(storage: FolderStorage) -> None:
    """Three processes add one 25 times each by swapping: none of the 75 is lost."""
    processes = [subprocess.Popen([sys.executable, "-c", COUNTING, storage.url, "25", str(n)]) for n in range(3)]
    assert [process.wait(60) for process in processes] == [0] * 3
    assert (storage.read("count") or b"").split()[0] == b"75"


def test_of_many_who_make_a_file_one_wins(storage: FolderStorage) -> None:
    """The others are told."""
    won, start = [], threading.Barrier(8)

    def swap(number: int) -> None:
        start.wait()
        try:
            storage.swap("p", str(number).encode(), None)
        except ConflictError:
            return
        won.append(number)

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(number).encode() for number in won] == [storage.read("p")]


def test_who_dies_while_swapping_holds_up_nobody(storage: FolderStorage) -> None:
    """The system gives a killed process's lock back."""
    script = "import sys, time\nfrom learnfold.storage.folder import FolderStorage\nwith FolderStorage(sys.argv[1])._locked('p'):\n print('held', flush=True)\n time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script, storage.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    done = threading.Event()
    thread = threading.Thread(target=lambda: (storage.swap("p", b"1", None), done.set()))
    thread.start()
    assert not done.wait(0.1), "the lock holds nobody up"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert done.wait(10)
    thread.join()


def test_a_new_file_appears_whole_or_not_at_all(storage: FolderStorage) -> None:
    """While it is written nothing is there; when its block fails nothing stays, and an old file stays as it was."""
    with storage.new("a/b") as file:
        file.write_bytes(b"half")
        assert storage.read("a/b") is None
        file.write_bytes(b"whole")
    assert storage.read("a/b") == b"whole"
    with contextlib.suppress(ZeroDivisionError), storage.new("a/b") as file:
        file.write_bytes(b"half")
        raise ZeroDivisionError
    assert storage.read("a/b") == b"whole"
    assert everything(storage) == ["a/b"]


def test_a_new_file_that_nobody_wrote_is_an_error(storage: FolderStorage) -> None:
    """It can't be put in place, and that is said in plain words."""
    with pytest.raises(StorageError, match="No such file"), storage.new("a/b"):
        pass
    assert everything(storage) == []


def test_many_writers_of_one_file_leave_one_whole_content(storage: FolderStorage) -> None:
    """Readers meanwhile see one or another, never a mix, and nothing is left beside it."""
    contents = [bytes([number]) * 100_000 for number in range(6)]
    storage.write("f", contents[0])
    over, seen = threading.Event(), set()

    def read() -> None:
        while not over.is_set():
            seen.add(storage.read("f"))

    reader = threading.Thread(target=read)
    writers = [
        threading.Thread(target=lambda c=content: [storage.write("f", c) for _ in range(20)]) for content in contents
    ]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert seen <= set(contents)
    assert everything(storage) == ["f"]


def test_a_copy_is_a_second_name_for_the_same_bytes(storage: FolderStorage) -> None:
    """No bytes are moved; replacing one leaves the other."""
    storage.write("a/source", b"1")
    storage.copy("a/source", "b/target")
    assert (storage.root / "a/source").samefile(storage.root / "b/target")
    storage.copy("a/source", "b/target")
    storage.write("a/source", b"2")
    assert storage.read("b/target") == b"1"
    storage.copy("a/source", "b/target")
    assert storage.read("b/target") == b"2"
    assert everything(storage) == ["a/source", "b/target"]


def test_where_links_are_not_possible_a_copy_moves_bytes(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another disk, or a file system without links."""

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    storage.write("source", b"1")
    storage.copy("source", "target")
    assert storage.read("target") == b"1"
    assert not (storage.root / "source").samefile(storage.root / "target")
    assert everything(storage) == ["source", "target"]


def test_a_copy_of_what_is_gone_is_an_error(storage: FolderStorage) -> None:
    """And leaves what was there."""
    storage.write("target", b"1")
    with pytest.raises(StorageError, match="source"):
        storage.copy("source", "target")
    assert storage.read("target") == b"1"
    assert everything(storage) == ["target"]


def test_deleting_removes_the_folders_that_it_empties(storage: FolderStorage) -> None:
    """Up to the root, which stays; folders that hold something stay; what is gone is fine."""
    for path in ("a/b/c/1", "a/b/c/2", "a/d/3", "4"):
        storage.write(path, b"x")
    storage.delete(["a/b/c/1", "a/b/c/2", "a/b/never/was"])
    assert everything(storage) == ["4", "a/d/3"]
    assert not (storage.root / "a/b").exists()
    storage.delete(["4", "a/d/3", "4"])
    assert list(storage.root.iterdir()) == []


def test_a_listing_is_by_path_with_what_tells_contents_apart(storage: FolderStorage) -> None:
    """Every file below a folder at any depth; a tag changes whenever the content does."""
    for path in ("b/2", "a/z/1", "a/y", "b.parquet"):
        storage.write(path, path.encode())
    assert [(entry.path, entry.size) for entry in storage.list()] == [
        ("a/y", 3),
        ("a/z/1", 5),
        ("b.parquet", 9),
        ("b/2", 3),
    ]
    assert (
        [entry.path for entry in storage.list("a")] == [entry.path for entry in storage.list("a/")] == ["a/y", "a/z/1"]
    )
    assert storage.list("nowhere") == []
    before = storage.list("a")
    storage.write("a/y", b"A/Y")
    assert storage.list("a")[0].tag != before[0].tag
    assert storage.list("a")[1] == before[1]
    assert abs(before[0].modified_at.timestamp() - time.time()) < 60


def test_a_listing_follows_links_to_folders_and_ends(storage: FolderStorage, tmp_path: Path) -> None:
    """A dataset may be put together by links; one that leads back to itself is passed over, so that no file is there twice."""
    other = FolderStorage(str(tmp_path / "other"))
    other.write("x/1", b"1")
    storage.write("0", b"0")
    (storage.root / "linked").symlink_to(other.root)
    (storage.root / "dangling").symlink_to(tmp_path / "nowhere")
    assert [entry.path for entry in storage.list()] == ["0", "linked/x/1"]
    (storage.root / "loop").symlink_to(storage.root)
    assert [entry.path for entry in storage.list()] == ["0", "linked/x/1"]
    assert storage.loops == {"loop"}


def test_local_files_are_the_files_themselves(storage: FolderStorage) -> None:
    """In the order asked; one that is gone is named."""
    storage.write("a", b"1")
    storage.write("b", b"2")
    with storage.local(["b", "a"]) as files:
        assert [Path(file).read_bytes() for file in files] == [b"2", b"1"]
    with pytest.raises(MissingDataError, match="nowhere is gone"), storage.local(["a", "nowhere"]):
        pass


WORK: dict[str, Callable[[FolderStorage], object]] = {
    "write": lambda storage: storage.write("a", b""),
    "read": lambda storage: storage.read("a"),
    "swap": lambda storage: storage.swap("a", b"", None),
    "list": lambda storage: storage.list(),
    "exists": lambda storage: storage.exists(),
    "new": lambda storage: storage.new("a/b").__enter__(),
    "copy": lambda storage: storage.copy("a", "b"),
    "delete": lambda storage: storage.delete(["a/b"]),
}


@pytest.mark.parametrize("work", WORK)
def test_a_file_in_a_folders_place_is_said(work: str, tmp_path: Path) -> None:
    """In one plain error that names the place."""
    (tmp_path / "file").write_text("I am a file")
    with pytest.raises(StorageError, match="file"):
        WORK[work](FolderStorage(str(tmp_path / "file")))


def test_what_may_not_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place and what to do, for whoever lacks the right (root never does, so the system's answer is played)."""

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match=r"place/a may not be read or written by this user; change its permissions"):
        FolderStorage(str(tmp_path / "place")).write("a/b", b"1")


def test_places_are_one_however_they_are_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative or not, with links, slashes and schemes; s3 and s3a are the same."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    for other in ("real", "./real/", "link", f"file://{tmp_path}/real", f"{tmp_path}/x/../real"):
        assert same_place(str(tmp_path / "real"), other), other
    assert same_place("s3a://bucket/a//b/", "s3://bucket/a/b")
    assert not same_place("s3a://bucket/a", "s3a://bucket/b")
    assert not same_place("real", "other")


def test_a_place_of_another_kind_is_refused(tmp_path: Path) -> None:
    """The message says what a place can be."""
    with pytest.raises(UsageError, match=r"hdfs://x/y can't be opened: a place is a folder, s3://bucket/path"):
        open_storage("hdfs://x/y", Settings())
    assert open_storage(f"file://{tmp_path}", Settings()).url == str(tmp_path)


def test_a_name_that_looks_like_a_pattern_names_one_file(storage: FolderStorage) -> None:
    """An engine gets a link instead, which goes when it is done."""
    for path in ("[x]/1.parquet", "x/1.parquet", "*.parquet", "a{b}?/c.parquet"):
        storage.write(path, path.encode())
    asked = ["x/1.parquet", "[x]/1.parquet", "*.parquet", "a{b}?/c.parquet"]
    with storage.local(asked) as files:
        assert [Path(file).read_bytes().decode() for file in files] == asked
        assert files[0] == f"{storage.url}/x/1.parquet"
        assert not [file for file in files if set(file) & set("[]*?{")]
        assert all(file.endswith(".parquet") for file in files)
    assert [Path(file).exists() for file in files] == [True, False, False, False]


def test_a_link_to_a_folder_that_it_lies_in_is_passed_over_and_said(tmp_path: Path) -> None:
    """Followed, it would give every file many times: to a folder above, to itself, to each other in a ring. Other links are followed."""
    for name in ("a/x", "b/y", "elsewhere/z"):
        path = tmp_path / "root" / name if name[0] != "e" else tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    root = tmp_path / "root"
    links = {"a/up": "..", "a/root": root, "a/here": ".", "a/self": "self", "a/to_b": "../b", "b/to_a": "../a"}
    for name, target in {**links, "a/other": tmp_path / "elsewhere", "a/gone": "nowhere"}.items():
        (root / name).symlink_to(target)
    storage = FolderStorage(str(root))
    paths = [entry.path for entry in storage.list()]
    assert paths == ["a/other/z", "a/to_b/y", "a/x", "b/to_a/other/z", "b/to_a/x", "b/y"]
    assert {"a/up", "a/root", "a/here", "a/self", "a/to_b/to_a", "b/to_a/to_b"} <= storage.loops
    assert f"{root}/a/up links to a folder that it lies in; it was passed over" in passed_over(storage)


def test_runs_and_ingestion_say_which_link_they_passed_over(tmp_path: Path) -> None:
    """The events count once, and nobody has to wonder."""
    place = Place(tmp_path)
    file = place.watch(1, "a")
    (file.parent / "again").symlink_to("..")
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "auth.csv").write_text("event_id,event_type,user_id,timestamp\ne,LOGIN,a,2025-12-01 10:00:00\n")
    (exports / "again").symlink_to(exports)
    run = learnfold("run", place.master, place.out, "--job", "video")
    assert run.returncode == 0, run.stderr
    assert "again links to a folder that it lies in; it was passed over" in run.stderr
    assert place.current().jobs["video"].topics["video_topic"].events == 1
    taken = learnfold("ingest", exports, "--into", tmp_path / "other")
    assert taken.returncode == 0, taken.stderr
    assert "again links to a folder that it lies in; it was passed over" in taken.stderr
