"""The laws of storage, on a folder and on each real S3 server."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import tries
from learnfold.engines.duckdb import footers
from learnfold.errors import ConflictError, MissingDataError, StorageError, UsageError
from learnfold.storage import Storage, open_storage, same_place
from services.places import Place

pytestmark = pytest.mark.services

AWKWARD = [
    "plain",
    "topic=x/year=2025/month=01/part-0.parquet",
    "with space/in both.txt",
    "ünï/日本語/émoji 🙂.parquet",
    "100%/a%20b",
    "a+b&c=d;e,f",
    'q\'uote "d" <x>',
    "(paren) [bracket] {brace} ~tilde @at !bang $dollar #hash",
]


def paths(storage: Storage, prefix: str = "") -> list[str]:
    """The paths that are listed, but for the storage's own (locks of a folder), whose names begin with a dot."""
    return [entry.path for entry in storage.list(prefix) if not entry.path.rsplit("/", 1)[-1].startswith(".")]


def test_a_file_comes_back_as_it_was_written(place: Place) -> None:
    """Bytes written are read, in one process and another; what isn't there reads as None."""
    data = bytes(range(256)) * 1000
    place.open().write("some/where", data)
    assert place.open().read("some/where") == data
    assert place.open().read("some/where else") is None
    assert place.open().read_tagged("nothing") is None


def test_files_are_listed_by_path_below_a_folder(place: Place) -> None:
    """A listing is in the order of paths, has sizes and times, and takes a prefix as a folder, not as letters."""
    storage = place.open()
    names = ["b", "a/2", "a/10", "a/1", "ab/1", "a/x/y/z", "a-b/1", "Z"]
    for number, name in enumerate(names):
        storage.write(name, b"x" * (number + 1))
    entries = storage.list()
    assert [entry.path for entry in entries] == sorted(names)
    assert {entry.path: entry.size for entry in entries} == {name: n + 1 for n, name in enumerate(names)}
    assert paths(storage, "a") == paths(storage, "a/") == ["a/1", "a/10", "a/2", "a/x/y/z"]
    assert paths(storage, "a/x") == ["a/x/y/z"]
    assert paths(storage, "nothing") == []
    assert all(abs(entry.modified_at - datetime.now(UTC)) < timedelta(minutes=2) for entry in entries)


def test_an_empty_place_lists_nothing(place: Place) -> None:
    """Nothing is listed where nothing was written yet."""
    assert place.open().list() == []


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_are_names(place: Place, name: str) -> None:
    """Spaces, other alphabets and signs that mean something in URLs, XML or SQL are written, listed, read, copied and deleted."""
    storage = place.open()
    storage.write(name, b"one")
    assert storage.swap(f"{name} 2", b"two", None) == storage.read_tagged(f"{name} 2")[1]
    storage.copy(name, f"copies/{name}")
    assert paths(storage) == sorted([name, f"{name} 2", f"copies/{name}"])
    assert storage.read(f"copies/{name}") == b"one"
    with storage.local([f"{name} 2", name]) as (two, one):
        assert (Path(one).read_bytes(), Path(two).read_bytes()) == (b"one", b"two")
    storage.delete([name, f"copies/{name}"])
    assert paths(storage) == [f"{name} 2"]


def test_a_tag_changes_with_the_content(place: Place) -> None:
    """Other bytes of the same size give another tag; a file that nobody touched keeps its own."""
    storage = place.open()
    storage.write("changed", b"before")
    storage.write("kept", b"before")
    first = {entry.path: entry.tag for entry in storage.list()}
    storage.write("changed", b"beyond")
    second = {entry.path: entry.tag for entry in storage.list()}
    assert first["changed"] != second["changed"]
    assert first["kept"] == second["kept"]
    assert all(first.values())


def test_a_swap_needs_the_tag_of_what_is_there(place: Place) -> None:
    """The first swap makes the file, later ones replace what they name; everything else is refused and changes nothing."""
    storage = place.open()
    first = storage.swap("deep/pointer", b"1", None)
    assert storage.read_tagged("deep/pointer") == (b"1", first)
    with pytest.raises(ConflictError, match="deep/pointer"):
        storage.swap("deep/pointer", b"another", None)
    second = storage.swap("deep/pointer", b"2", first)
    with pytest.raises(ConflictError):
        storage.swap("deep/pointer", b"another", first)
    with pytest.raises(ConflictError):
        storage.swap("not there", b"another", second)
    assert place.open().read_tagged("deep/pointer") == (b"2", second)
    assert storage.read("not there") is None


def test_a_deletion_needs_the_tag_of_what_is_there(place: Place) -> None:
    """A file is deleted by its tag alone; then it isn't read or listed, and may be made again, by whoever asks."""
    storage = place.open()
    old = storage.swap("lock", b"1", None)
    new = storage.swap("lock", b"2", old)
    assert not storage.delete_if("lock", old)
    assert storage.read("lock") == b"2"
    assert storage.delete_if("lock", new)
    assert (storage.read("lock"), storage.read_tagged("lock"), paths(storage)) == (None, None, [])
    with pytest.raises(ConflictError):
        storage.swap("lock", b"3", new)
    for writer in (place.open(), place.open()):
        tag = writer.swap("lock", os.urandom(8), None)
        with pytest.raises(ConflictError):
            storage.swap("lock", b"4", None)
        assert writer.delete_if("lock", tag)
        assert not writer.delete_if("lock", tag) or storage.read("lock") is None


COUNTING = """if True:
    import json, os, sys
    from learnfold.errors import ConflictError
    from learnfold.settings import Settings
    from learnfold.storage import open_storage
    storage, me, left = open_storage(sys.argv[1], Settings.read(os.environ)), sys.argv[2], int(sys.argv[3])
    lost = 0
    while left:
        found = storage.read_tagged("counter")
        count = json.loads(found[0])["count"] if found else 0
        new = json.dumps({"count": count + 1, "by": me, "left": left}).encode()
        try:
            tag = storage.swap("counter", new, found[1] if found else None)
        except ConflictError:
            lost += 1
            continue
        left -= 1
    print(lost)
"""


def test_processes_that_count_together_lose_no_count(place: Place) -> None:
    """Every swap that succeeds counts once: among racing processes, no increment is lost and none is made twice."""
    each, processes = tries(15), 4
    racers = [place.python(COUNTING, place.url, number, each) for number in range(processes)]
    said = [racer.communicate(timeout=120) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * processes, said
    assert json.loads(place.open().read("counter"))["count"] == each * processes
    assert sum(int(out) for out, _ in said) > 0, "the processes never met, so this proved nothing"


LOCKING = """if True:
    import os, secrets, sys, time
    from learnfold.errors import ConflictError
    from learnfold.settings import Settings
    from learnfold.storage import open_storage
    storage, left = open_storage(sys.argv[1], Settings.read(os.environ)), int(sys.argv[2])
    while left:
        if storage.read_tagged("lock") is not None:
            continue
        try:
            tag = storage.swap("lock", secrets.token_hex(8).encode(), None)
        except ConflictError:
            continue
        count = int(storage.read("counter") or b"0")  # read and written apart, which only a lock makes safe
        time.sleep(0.002)
        storage.write("counter", str(count + 1).encode())
        assert storage.delete_if("lock", tag)
        left -= 1
"""


def test_a_file_that_is_made_and_deleted_is_a_lock(place: Place) -> None:
    """Of racing processes, one at a time makes the file; deleting it by its tag lets the next one make it."""
    each, processes = tries(10), 4
    racers = [place.python(LOCKING, place.url, each) for _ in range(processes)]
    said = [racer.communicate(timeout=120) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * processes, said
    assert place.open().read("counter") == str(each * processes).encode()


def test_a_new_file_is_there_whole_or_not_at_all(place: Place, tmp_path: Path) -> None:
    """While a block fills a file nothing is at its place; a block that fails leaves nothing anywhere."""
    scratch = tmp_path / "scratch"
    storage = place.open(temporary_folder=str(scratch))
    with storage.new("x/new.parquet") as file:
        file.write_bytes(b"half")
        assert (paths(place.open(), "x"), place.open().read("x/new.parquet")) == ([], None)
        file.write_bytes(b"whole")
    assert place.open().read("x/new.parquet") == b"whole"
    with pytest.raises(ZeroDivisionError), storage.new("x/new.parquet") as file:
        file.write_bytes(bytes(1 // (file.write_bytes(b"other") - 5)))
    assert place.open().read("x/new.parquet") == b"whole"
    with pytest.raises(StorageError), storage.new("x/never.parquet"):
        pass
    assert paths(storage) == ["x/new.parquet"]
    del storage
    assert [path for path in scratch.rglob("*") if path.is_file()] == []


def test_files_made_together_are_all_there_when_the_block_ends(place: Place) -> None:
    """Files may be on their way while a block goes on; what is named in it is waited for, and its end waits for all."""
    storage = place.open()
    with storage.batched_writes():
        for number in range(40):
            with storage.new(f"_rollups/r/{number}.parquet") as file:
                file.write_bytes(f"content {number}".encode())
        with storage.local(["_rollups/r/39.parquet"]) as (local,):
            assert Path(local).read_bytes() == b"content 39"
        storage.copy("_rollups/r/38.parquet", "copied")
        storage.delete(["_rollups/r/37.parquet"])
    assert len(place.open().list("_rollups")) == 39
    assert place.open().read("copied") == b"content 38"
    with pytest.raises(ZeroDivisionError), storage.batched_writes(), storage.new("after") as file:
        file.write_bytes(bytes(1 // 0))
    with storage.new("alone") as file:
        file.write_bytes(b"alone")
    assert place.open().read("alone") == b"alone"


def test_threads_may_share_a_storage(place: Place, tmp_path: Path) -> None:
    """Jobs that run side by side make, read, copy and delete files of one storage, opened by none of them before."""
    storage = place.open(temporary_folder=str(tmp_path / "scratch"))
    gate = threading.Barrier(8)

    def work(number: int) -> None:
        gate.wait()
        for turn in range(6):
            path = f"_rollups/r{number}/{turn}.parquet"
            with storage.new(path) as file:
                file.write_bytes(path.encode())
            with storage.local([path, "_rollups/shared.parquet"]) as (mine, shared):
                assert (Path(mine).read_bytes(), Path(shared).read_bytes()) == (path.encode(), b"shared")
            storage.copy(path, f"copies/{number}-{turn}")
            if turn % 2:
                storage.delete([path])

    with storage.batched_writes():
        with storage.new("_rollups/shared.parquet") as file:
            file.write_bytes(b"shared")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    assert len(paths(place.open(), "copies")) == 48
    assert len(paths(place.open(), "_rollups")) == 1 + 24
    assert all(place.open().read(f"copies/{n}-5") == f"_rollups/r{n}/5.parquet".encode() for n in range(8))


def test_a_large_file_goes_and_comes_in_parts(place: Place) -> None:
    """A file of many parts comes back byte for byte, and its tag is that of its content."""
    storage, data = place.open(), os.urandom(37 * 1024 * 1024 + 11)
    for name in ("large", "same"):
        with storage.new(name) as file:
            file.write_bytes(data)
    assert {entry.path: entry.size for entry in storage.list()} == {"large": len(data), "same": len(data)}
    storage.copy("large", "copy")
    with place.open().local(["large", "copy"]) as (large, copy):
        assert Path(large).read_bytes() == data
        assert Path(copy).read_bytes() == data


MEASURED = """if True:
    import os, resource, sys
    from learnfold.settings import Settings
    from learnfold.storage import open_storage
    storage = open_storage(sys.argv[1], Settings.read(os.environ))
    storage.write("small", b"x")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with storage.new("huge") as file:
        os.truncate(os.open(file, os.O_CREAT | os.O_WRONLY), int(sys.argv[2]))
    with storage.local(["huge"]) as (local,):
        assert os.path.getsize(local) == int(sys.argv[2])
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_a_file_never_is_in_memory_whole(s3_place: Place) -> None:
    """A file of 250 MB goes up and comes down in a process that takes less than half of that."""
    size = 250 * 1024 * 1024
    process = s3_place.python(MEASURED, s3_place.url, size)
    out, talk = process.communicate(timeout=120)
    assert process.returncode == 0, talk
    assert int(out) < size / 2


def test_local_names_files_in_the_order_asked_for(place: Place) -> None:
    """Many files come at once, each under the name for its path, the same path twice too, while the block lasts."""
    storage = place.open()
    for number in range(60):
        storage.write(f"many/{number}", f"content {number}".encode())
    asked = [f"many/{number % 60}" for number in range(0, 170, 7)]
    with storage.local(asked) as names:
        assert [Path(name).read_bytes() for name in names] == [
            f"content {path.partition('/')[2]}".encode() for path in asked
        ]
    if place.server:
        assert not [name for name in names if Path(name).exists()]
    with storage.local([]) as none:
        assert none == []


def test_a_file_that_is_gone_is_named(place: Place) -> None:
    """Whoever asks for a file that isn't there is told which."""
    storage = place.open()
    storage.write("there", b"x")
    gone = storage.local(["there", "month=01/gone ü.parquet"])
    with pytest.raises(MissingDataError, match=r"month=01/gone ü\.parquet is gone"), gone:
        pass
    with pytest.raises(MissingDataError, match="gone"), storage.footers(["there", "gone"]):
        pass


def parquet(storage: Storage, path: str, columns: int, rows: int) -> None:
    """A Parquet file of random numbers."""
    noise = os.urandom(rows * 8)
    column = pa.array([noise[start : start + 8] for start in range(0, len(noise), 8)])
    with storage.new(path) as file:
        pq.write_table(pa.table({f"column {number}": column for number in range(columns)}), file)


def test_footers_tell_what_the_whole_files_tell(place: Place) -> None:
    """Readers of footers find the same rows, and the same files unreadable, with little of each file on disk."""
    storage = place.open()
    parquet(storage, "small.parquet", 1, 3)
    parquet(storage, "long.parquet", 3, 100_000)
    parquet(storage, "wide.parquet", 1500, 20)
    storage.write("text.parquet", b"no Parquet at all, but longer than a footer's end")
    storage.write("short.parquet", b"PAR1")
    with storage.new("empty.parquet") as file:
        file.touch()
    with storage.local(["long.parquet"]) as (local,):
        storage.write("cut.parquet", Path(local).read_bytes()[:-5])
        storage.write("lying.parquet", Path(local).read_bytes()[:-8] + b"\xff\xff\xff\x7fPAR1")
    files = paths(storage)
    with duckdb.connect() as connection:
        with storage.local(files) as whole:
            expected = footers.rows(connection, whole)
            expected_rows = {files[whole.index(name)]: rows for name, rows in expected[0].items()}
        with storage.footers(files) as names:
            actual = footers.rows(connection, names)
            assert expected_rows == {files[names.index(name)]: rows for name, rows in actual[0].items()}
            assert len(actual[1]) == len(files) - len(expected_rows) == 5
            long = names[files.index("long.parquet")]
            if place.server:
                assert Path(long).stat().st_size == storage.list()[files.index("long.parquet")].size
                assert Path(long).stat().st_blocks * 512 < 50_000 < Path(long).stat().st_size


def test_a_copy_replaces_what_was_there(place: Place) -> None:
    """A copy has the content of its source, over any old file; of nothing there is none."""
    storage = place.open()
    storage.write("old", b"old")
    storage.write("new", b"new content")
    storage.copy("new", "old")
    storage.copy("new", "deep/er")
    storage.copy("new", "deep/er")
    assert [storage.read(path) for path in ("old", "new", "deep/er")] == [b"new content"] * 3
    with pytest.raises(StorageError, match="nothing"):
        storage.copy("nothing", "old")
    assert storage.read("old") == b"new content"


def test_deleting_is_fine_with_what_is_gone(place: Place) -> None:
    """Many files go at once; those that are gone already, and none at all, are no error."""
    storage = place.open()
    names = [f"many & more/{number}" for number in range(tries(30))]
    for name in [*names, "stays"]:
        storage.write(name, b"x")
    storage.delete([])
    storage.delete([*names, "never was", "many & more/never was"])
    storage.delete(iter(names))
    assert paths(storage) == ["stays"]


def test_a_place_is_the_same_by_either_scheme(s3_place: Place) -> None:
    """What is written to s3a://bucket//path/ is read from s3://bucket/path: one place, one name."""
    other = s3_place.url.replace("s3://", "s3a://").replace("/a folder", "//a folder") + "/"
    settings = s3_place.settings()
    open_storage(other, settings).write("x", b"1")
    assert s3_place.open().read("x") == b"1"
    assert open_storage(other, settings).url == s3_place.url
    assert same_place(other, s3_place.url)


@pytest.mark.parametrize("url", ["s3://", "s3a:///"])
def test_a_place_needs_a_bucket(url: str, s3_place: Place) -> None:
    """A URL without a bucket is the user's mistake."""
    with pytest.raises(UsageError, match="names no bucket"):
        open_storage(url, s3_place.settings())


def test_a_killed_writer_leaves_nothing_at_the_place(s3_place: Place, tmp_path: Path) -> None:
    """SIGKILL in the middle of an upload leaves no object; what the dead process had on disk goes with the next one."""
    code = """if True:
        import os, sys, time
        from learnfold.settings import Settings
        from learnfold.storage import open_storage
        storage = open_storage(sys.argv[1], Settings.read(os.environ))
        while True:
            with storage.new("large") as file:
                file.write_bytes(bytes(64_000_000))
                print("ready", flush=True)
            storage.delete(["large"])
    """
    scratch = tmp_path / "scratch"
    for pause in [0.0, 0.03, 0.08][: max(2, tries(2))]:
        process = s3_place.python(code, s3_place.url, LEARNFOLD_TEMPORARY_FOLDER=str(scratch))
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert [entry.size for entry in s3_place.open().list()] in ([], [64_000_000])
        s3_place.open().delete(["large"])
    assert len(list(scratch.iterdir())) == 1
    storage = s3_place.open(temporary_folder=str(scratch))
    with storage.new("next") as file:
        file.write_bytes(b"x")
    assert [path.name for path in scratch.rglob("*") if path.is_file() and path.stat().st_size > 1000] == []
