"""S3 as it is: keys, addresses, refusals, broken connections, servers that die; each on real servers."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conftest import tries
from learnfold.errors import ConflictError, StorageError, UsageError
from learnfold.storage import Storage
from learnfold.storage.s3.listing import objects_below
from services.faulty import FaultyS3, Refreshed
from services.places import Place, bucket
from services.stack.minio import Minio
from services.stack.need import program
from services.stack.s3 import S3Server
from services.stack.seaweed import Seaweed

pytestmark = pytest.mark.services


def is_put(method: str, _path: str) -> bool:
    """Whether a request writes."""
    return method == "PUT"


def many_files(storage: Storage, count: int) -> list[str]:
    """The paths of small files that are made together."""
    paths = [f"many/{number}" for number in range(count)]
    with storage.batched_writes():
        for path in paths:
            with storage.new(path) as file:
                file.write_bytes(b"new")
    return paths


def is_get(method: str, _path: str) -> bool:
    """Whether a request reads."""
    return method == "GET"


# Keys and addresses


def test_wrong_keys_are_said(s3_place: Place) -> None:
    """An unknown access key and a wrong secret are told apart; the message says which variables to set, never the keys."""
    for name, says in (
        ("AWS_ACCESS_KEY_ID", "doesn't know the access key"),
        ("AWS_SECRET_ACCESS_KEY", "secret key is wrong"),
    ):
        wrong = dataclasses.replace(s3_place, environment={**s3_place.environment, name: "wrong" * 5})
        with pytest.raises(StorageError, match=says) as caught:
            wrong.open().list()
        with pytest.raises(StorageError, match=says):
            wrong.open().read("x")
        with pytest.raises(StorageError, match=says):
            wrong.open().write("x", b"x")
        with pytest.raises(StorageError, match=says):
            wrong.open().swap("x", b"x", None)
        assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in str(caught.value)
        assert "wrongwrong" not in str(caught.value)
        assert s3_place.environment["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_half_a_pair_of_keys_is_a_mistake(s3_place: Place) -> None:
    """An access key without its secret is refused before anything is sent."""
    environment = {name: value for name, value in s3_place.environment.items() if name != "AWS_SECRET_ACCESS_KEY"}
    with pytest.raises(UsageError, match="s3_secret_key isn't"):
        dataclasses.replace(s3_place, environment=environment).open().list()


def test_a_missing_bucket_is_named(s3_place: Place) -> None:
    """Every use of a bucket that isn't there says so, and makes none, though some servers would."""
    for use in (
        lambda storage: storage.list(),
        lambda storage: storage.exists(),
        lambda storage: storage.read("x"),
        lambda storage: storage.write("x", b"x"),
        lambda storage: storage.swap("x", b"x", None),
        lambda storage: storage.copy("x", "y"),
        lambda storage: storage.new("x").__enter__(),
        lambda storage: storage.local(["x"]).__enter__(),
    ):
        missing = dataclasses.replace(s3_place, url="s3://no-such-bucket/below")
        with pytest.raises(
            StorageError, match=r"there is no bucket no-such-bucket at http.* make it, or correct the path"
        ):
            use(missing.open())


def test_an_unreachable_server_is_said(s3_place: Place) -> None:
    """A dead port, an unknown name and the wrong scheme are each told, with the address, soon."""
    endpoint = s3_place.environment["AWS_ENDPOINT_URL"]
    for wrong, says in (
        ("http://127.0.0.1:9", "nothing listens there"),
        ("http://no-such-host.invalid:9000", "its name isn't known"),
        (endpoint.replace("http:", "https:"), "it doesn't speak TLS"),
    ):
        with pytest.raises(StorageError, match=f"{re.escape(wrong)} can't be reached .*{says}"):
            s3_place.through(wrong).open(s3_retries=1).list()


def test_an_endpoint_without_a_scheme_is_plain_or_tls_by_a_setting(s3_place: Place) -> None:
    """The seed's MINIO_ENDPOINT=host:port, MINIO_SSL_ENABLED=false and its key variables are enough."""
    old = s3_place.environment
    environment = {
        "MINIO_ENDPOINT": old["AWS_ENDPOINT_URL"].removeprefix("http://"),
        "MINIO_ACCESS_KEY": old["AWS_ACCESS_KEY_ID"],
        "MINIO_SECRET_KEY": old["AWS_SECRET_ACCESS_KEY"],
    }
    with pytest.raises(StorageError, match="it doesn't speak TLS"):
        dataclasses.replace(s3_place, environment=environment).open(s3_retries=0).list()
    environment["MINIO_SSL_ENABLED"] = "false"
    seed = dataclasses.replace(s3_place, environment=environment)
    seed.open().write("x", b"1")
    assert s3_place.open().read("x") == b"1"


def test_the_settings_win_over_the_environment_of_the_process(s3_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What obstore would read of the environment by itself doesn't mix with the settings: neither address nor keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "else")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another's")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    storage = s3_place.open(s3_retries=0)
    storage.write("x", b"1")
    assert storage.read("x") == b"1"


def temporary_keys(minio: Minio) -> dict[str, str]:
    """Keys that MinIO's STS gives, as a container's role is told them."""
    body = urllib.parse.urlencode({"Action": "AssumeRole", "Version": "2011-06-15", "DurationSeconds": "900"}).encode()
    request = urllib.request.Request(f"{minio.endpoint}/", body, minio.signed("POST", "/", body, "sts"))
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    names = {
        "AccessKeyId": "AccessKeyId",
        "SecretAccessKey": "SecretAccessKey",
        "SessionToken": "Token",
        "Expiration": "Expiration",
    }
    return {ours: re.search(f"<{theirs}>(.*?)</{theirs}>", text)[1] for theirs, ours in names.items()}


def test_temporary_keys_need_their_session_token(minio: Minio) -> None:
    """Keys that MinIO's STS gave work with their token, and not without it."""
    keys, place = temporary_keys(minio), bucket(minio)
    environment = {
        **place.environment,
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
    }
    with pytest.raises(StorageError, match=r"InvalidAccessKeyId|InvalidTokenId|AccessDenied"):
        dataclasses.replace(place, environment=environment).open().list()
    temporary = dataclasses.replace(place, environment={**environment, "AWS_SESSION_TOKEN": keys["Token"]})
    temporary.open().write("x", b"1")
    assert place.open().read("x") == b"1"


def test_without_keys_the_machines_role_is_used(minio: Minio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys in the settings: those of a container's role, which a service of the machine tells, open the bucket."""
    told, place = json.dumps(temporary_keys(minio)).encode(), bucket(minio)

    class Role(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    without = {name: value for name, value in place.environment.items() if "KEY" not in name}
    with ThreadingHTTPServer(("127.0.0.1", 0), Role) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        (tmp_path / "token").write_text("who I am")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/role")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
        dataclasses.replace(place, environment=without).open().write("x", b"1")
        server.shutdown()
    assert place.open().read("x") == b"1"


def test_without_keys_and_without_a_role_it_is_said(s3_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no role is told which variables to set."""
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    without = {name: value for name, value in s3_place.environment.items() if "KEY" not in name}
    with pytest.raises(
        StorageError, match=r"there are no keys for s3://.* this machine has no role; set AWS_ACCESS_KEY_ID"
    ):
        dataclasses.replace(s3_place, environment=without).open(s3_retries=1).list()


class Shared(Seaweed):
    """A SeaweedFS in which everybody may do everything, and one user may only read."""

    def command(self) -> list[str]:
        command = super().command()
        settings = self.folder / "s3.json"
        config = json.loads(settings.read_text("utf-8"))
        config["identities"] += [
            {"name": "anonymous", "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
            {
                "name": "reader",
                "credentials": [{"accessKey": "reader", "secretKey": "reading-only"}],
                "actions": ["Read", "List"],
            },
        ]
        settings.write_text(json.dumps(config), "utf-8")
        return command


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A server with other rules."""
    with Shared(tmp_path_factory.mktemp("shared")) as server:
        yield server


def test_a_public_bucket_needs_no_keys(shared: Shared, minio: Minio) -> None:
    """Anonymous access works where the server grants it, whatever keys are set; where it doesn't, that is said."""
    place = bucket(shared)
    storage = dataclasses.replace(place, environment={**place.environment, "AWS_SECRET_ACCESS_KEY": "wrong"}).open(
        s3_anonymous=True
    )
    storage.write("x", b"1")
    assert place.open().read("x") == b"1"
    with pytest.raises(StorageError, match="AccessDenied"):
        bucket(minio).open(s3_anonymous=True).list()


def test_denied_access_is_said(shared: Shared) -> None:
    """Keys that may read but not write can read; a write says what is denied and where."""
    place = bucket(shared)
    place.open().write("x", b"1")
    keys = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "reading-only"}
    reader = dataclasses.replace(place, environment={**place.environment, **keys}).open()
    assert reader.read("x") == b"1"
    assert [entry.path for entry in reader.list()] == ["x"]
    for write in (lambda: reader.write("y", b"2"), lambda: reader.swap("y", b"2", None), lambda: reader.copy("x", "y")):
        with pytest.raises(StorageError, match=r"doesn't allow this \(AccessDenied\).*policy"):
            write()


class Encrypted(Minio):
    """A MinIO that speaks TLS, with a certificate of its own."""

    def command(self) -> list[str]:
        certificates = self.folder / "certs"
        if not certificates.exists():
            certificates.mkdir()
            self._certify(certificates)
        return [*super().command(), "--certs-dir", str(certificates)]

    def _certify(self, folder: Path) -> None:
        names = ["subjectAltName=IP:127.0.0.1,DNS:localhost", "basicConstraints=critical,CA:FALSE"]
        command = [program("openssl", "A certificate"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-keyout", str(folder / "private.key"), "-out", str(folder / "public.crt"), "-subj", "/CN=test"]
        subprocess.run([*command, "-addext", names[0], "-addext", names[1]], check=True, capture_output=True)

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.folder / "certs" / "public.crt"))
        request = urllib.request.Request(f"{self.endpoint}/", headers=self.signed("GET", "/"))
        try:
            with urllib.request.urlopen(request, timeout=10, context=context):
                return True
        except OSError:
            return False

    def create_bucket(self, bucket: str) -> str:
        (self.data / bucket).mkdir(exist_ok=True)  # a folder is a bucket
        return bucket


def test_tls_trusts_what_it_is_told_to(tmp_path: Path) -> None:
    """A certificate of a private authority is refused, saying which setting names it, and accepted by that setting."""
    with Encrypted(tmp_path) as server:
        place = bucket(server)
        with pytest.raises(StorageError, match="certificate isn't trusted; LEARNFOLD_S3_CA_FILE"):
            place.open(s3_retries=0).list()
        certificate = str(tmp_path / "certs" / "public.crt")
        trusting = dataclasses.replace(place, environment={**place.environment, "AWS_CA_BUNDLE": certificate})
        trusting.open().write("x", b"1")
        assert trusting.open().read("x") == b"1"
        with pytest.raises(UsageError, match="s3_ca_file is /no/such/file"):
            place.open(s3_ca_file="/no/such/file").list()


class ByHostName(Minio):
    """A MinIO that finds the bucket in the host's name."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "MINIO_DOMAIN": "minio.test"}


def test_the_bucket_may_be_in_the_host_name(tmp_path: Path) -> None:
    """With path style off, bucket.host is asked, as AWS likes it; a proxy is used where the environment names one."""
    code = """if True:
        import os, sys
        from learnfold.settings import Settings
        from learnfold.storage import open_storage
        storage = open_storage(sys.argv[1], Settings.read(os.environ))
        storage.swap("a b", b"1", None)
        print([entry.path for entry in storage.list()])
    """
    with ByHostName(tmp_path) as server, FaultyS3(server) as proxy:
        place = bucket(server).through(f"http://minio.test:{server.port}")
        names = {"HTTP_PROXY": proxy.endpoint, "http_proxy": proxy.endpoint, "NO_PROXY": "", "no_proxy": ""}
        process = place.python(code, place.url, **names, MINIO_PATH_STYLE_ACCESS="false")
        out, talk = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, "['a b']"), talk
        name = place.url.split("/")[2]
        assert all(path.startswith(f"http://{name}.minio.test:{server.port}/") for _, path in proxy.seen)
        assert bucket(server).server is server
        direct = Place(place.url, server.aws_environment(), server)
        assert direct.open().read("a b") == b"1"


# Conditional writes


def test_a_server_without_conditional_writes_is_found_out(shared: Shared) -> None:
    """Where a proxy drops the conditions, the first swap says so and writes nothing; reading and plain writing go on."""
    place = bucket(shared)
    for dropped in (("if-none-match",), ("if-match",), ("if-none-match", "if-match")):
        with FaultyS3(shared, strip=dropped) as proxy:
            storage = place.through(proxy.endpoint).open(s3_anonymous=True)
            storage.write("plain", b"1")
            with pytest.raises(StorageError, match="doesn't honour conditional writes"):
                storage.swap("pointer", b"2", None)
            with pytest.raises(StorageError, match="doesn't honour conditional writes"):
                storage.delete_if("plain", "x")
            assert storage.read("plain") == b"1"
    assert [entry.path for entry in place.open().list()] == ["plain"]


def test_a_swap_whose_answer_got_lost_has_succeeded(s3_place: Place) -> None:
    """The client's own second try is refused; since what is there is its own, that is success. Another's is a conflict."""
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open()
        storage.swap("warm", b"up", None)
        for kind in ("lose", "refuse", "drop", "cut"):
            for times in (1, 2):
                mark = f"{kind} {times}"

                def next_put() -> None:
                    proxy.faults.clear()
                    proxy.next(kind, is_put, times)  # noqa: B023 - called at once

                next_put()
                tag = storage.swap("pointer", f"made {mark}".encode(), None)
                assert storage.read_tagged("pointer") == (f"made {mark}".encode(), tag)
                next_put()
                tag = storage.swap("pointer", f"swapped {mark}".encode(), tag)
                assert storage.read_tagged("pointer") == (f"swapped {mark}".encode(), tag)
                next_put()
                with pytest.raises(ConflictError):
                    storage.swap("pointer", b"late", None)
                next_put()
                assert storage.delete_if("pointer", tag)
                assert storage.read("pointer") is None


def test_a_swap_is_judged_by_what_is_there_when_the_server_goes_silent(s3_place: Place) -> None:
    """When every answer is lost the write may still have happened: what is read then decides."""
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open(s3_retries=1)
        tag = storage.swap("pointer", b"1", None)
        proxy.next("lose", is_put, times=2)
        tag = storage.swap("pointer", b"2", tag)
        assert storage.read_tagged("pointer") == (b"2", tag)
        proxy.next("drop", is_put, times=2)
        with pytest.raises(StorageError, match="the connection broke"):
            storage.swap("pointer", b"3", tag)
        assert storage.read_tagged("pointer") == (b"2", tag)


def test_conditional_writes_are_tried_out_once(s3_place: Place) -> None:
    """The trial costs four requests, once for a storage, and leaves nothing behind."""
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open()
        tag = storage.swap("pointer", b"1", None)
        first = len(proxy.seen)
        storage.swap("pointer", b"2", tag)
        assert (first, len(proxy.seen)) == (6, 7)  # one to see that the bucket is there, four to try out, one to swap
    assert [entry.path for entry in s3_place.open().list()] == ["pointer"]


# Broken connections


@pytest.mark.parametrize("kind", ["refuse", "drop", "lose", "cut"])
def test_requests_that_fail_are_tried_again(s3_place: Place, kind: str) -> None:
    """503s, dropped connections, lost answers and answers that break off, twice in a row, change no result."""
    data = os.urandom(20 * 1024 * 1024)
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open(s3_retries=3)

        def disturbed(act: Callable[[], None], *meant: Refreshed) -> None:
            for one in meant:
                proxy.faults.clear()
                fault = proxy.next(kind, one, times=2)
                act()
                assert fault.met == 2, "nothing was disturbed, so this proved nothing"

        def put() -> None:
            with storage.new("large") as file:
                file.write_bytes(data)

        def get() -> None:
            with storage.local(["large"]) as (local,):
                assert Path(local).read_bytes() == data

        put()
        disturbed(put, is_put, lambda _, path: "partNumber" in path, lambda method, _: method == "POST")
        disturbed(get, is_get)
        disturbed(lambda: storage.write("small", b"1"), is_put)
        disturbed(lambda: storage.copy("large", "copy"), is_put)
        disturbed(lambda: get_equal(len(storage.list()), 3), is_get)
        disturbed(lambda: get_equal(storage.read("small"), b"1"), is_get)
        disturbed(lambda: storage.delete(["large", "copy", "small", "gone"]), lambda method, _: method == "POST")
    assert s3_place.open().list() == []


def get_equal(actual: object, expected: object) -> None:
    """Fails unless both are the same."""
    assert actual == expected


def test_a_large_files_last_answer_may_get_lost(s3_place: Place) -> None:
    """The parts were put together, the answer is lost, and the second try finds no parts: the file is there all the same."""
    with FaultyS3(s3_place.server) as proxy:
        storage, data = s3_place.through(proxy.endpoint).open(), os.urandom(17 * 1024 * 1024)
        fault = proxy.next("lose", lambda method, path: method == "POST" and "uploadId" in path)
        with storage.new("large") as file:
            file.write_bytes(data)
        assert fault.met == 1
    with s3_place.open().local(["large"]) as (local,):
        assert Path(local).read_bytes() == data


def test_a_silent_server_is_asked_again(s3_place: Place) -> None:
    """A request that gets no answer is given up after its time and tried again."""
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open(s3_timeout_seconds=1)
        storage.write("x", b"1")
        for meant in (is_get, is_put):
            proxy.next("hang", meant)
            began = time.monotonic()
            storage.write("x", b"2")
            assert storage.read("x") == b"2"
            assert 0.9 < time.monotonic() - began < 10


def test_failures_that_last_are_said(s3_place: Place) -> None:
    """When the tries are used up the message says what the server did, and the file that was there stays."""
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open(s3_retries=1)
        storage.write("x", b"old")
        for kind, says in (("refuse", "503 Service Unavailable"), ("drop", "the connection broke")):
            proxy.next(kind, is_put, times=100)
            with pytest.raises(StorageError, match=says):
                storage.write("x", b"new")
            with pytest.raises(StorageError, match=says), storage.new("x") as file:
                file.write_bytes(b"new")
            with pytest.raises(StorageError, match=says):
                many_files(storage, 30)
            proxy.faults.clear()
        proxy.next("cut", is_get, times=100)
        with pytest.raises(StorageError, match="the connection broke"):
            storage.read("x")
    assert s3_place.open().read("x") == b"old"
    assert len(s3_place.open().list()) == 1


def test_many_requests_go_side_by_side_within_the_limit(s3_place: Place) -> None:
    """Fetching many files has several requests under way, never more than the setting allows."""
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open(s3_requests=5)
        names = many_files(storage, 60)
        proxy.most_at_once = 0
        with storage.local(names):
            assert 1 < proxy.most_at_once <= 5


def test_a_large_listing_is_split_by_folders(s3_place: Place) -> None:
    """Listed folder by folder, side by side, as very large places are, a place holds the same objects."""
    storage: Any = s3_place.open()  # what is within it is of its kind
    for number in range(24):
        storage.write(f"topic={number % 3}/year=2025/day {number // 6}/{number}", b"x")
    storage.write("alone", b"x")
    whole = [entry.path for entry in storage.list()]
    assert len(whole) == 25
    split = sorted(about["path"] for about in objects_below(storage._store, "", 4, pages_in_a_row=0))
    assert split == whole
    below = sorted(about["path"] for about in objects_below(storage._store, "topic=1", 4, pages_in_a_row=0))
    assert below == [path for path in whole if path.startswith("topic=1/")]


def test_what_was_written_is_not_fetched_again(s3_place: Place) -> None:
    """Files that never change are kept while there is room, and read without asking; others are fetched each time."""
    with FaultyS3(s3_place.server) as proxy:
        storage = s3_place.through(proxy.endpoint).open()
        kept, other = "_rollups/r/a.parquet", "topic=x/a.parquet"
        for path in (kept, other):
            with storage.new(path) as file:
                file.write_bytes(path.encode())
        before = len(proxy.seen)
        for _ in range(3):
            with storage.local([kept, other]) as names:
                assert [Path(name).read_bytes() for name in names] == [kept.encode(), other.encode()]
        assert len(proxy.seen) - before == 3
        storage.delete([kept])
        with pytest.raises(Exception, match="gone"), storage.local([kept]):
            pass


# Servers that die


@pytest.mark.parametrize("kind", [Minio, Seaweed])
def test_a_server_killed_and_started_again_lost_nothing_confirmed(kind: type[S3Server], tmp_path: Path) -> None:
    """SIGKILL while swaps go on: writers wait through the restart, and no confirmed write is missing."""
    with kind(tmp_path) as server:
        place = bucket(server)
        storage = place.open(s3_retries=12)
        confirmed, over = [0], threading.Event()
        failed: list[Exception] = []

        def write() -> None:
            tag = None
            while not over.is_set():
                try:
                    tag = storage.swap("counter", json.dumps({"count": confirmed[0] + 1}).encode(), tag)
                except StorageError as error:
                    failed.append(error)
                    return
                confirmed[0] += 1

        thread = threading.Thread(target=write)
        thread.start()
        for _ in range(tries(2)):
            time.sleep(0.3)
            before = confirmed[0]
            server.kill()
            server.restart()
            deadline = time.monotonic() + 30
            while confirmed[0] == before and thread.is_alive() and time.monotonic() < deadline:
                time.sleep(0.05)
        over.set()
        thread.join()
        assert failed == []
        assert confirmed[0] > before
        assert json.loads(storage.read("counter"))["count"] == confirmed[0]


def test_a_server_that_stays_away_is_said_soon(tmp_path: Path) -> None:
    """With its server dead, a request fails within seconds and names the address."""
    with Minio(tmp_path) as server:
        place = bucket(server)
        storage = place.open()
        storage.write("x", b"1")
        server.kill()
        began = time.monotonic()
        with pytest.raises(StorageError, match=re.escape(f"{server.endpoint} can't be reached")):
            storage.write("x", b"2")
        assert time.monotonic() - began < 20
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", server.port)) != 0
