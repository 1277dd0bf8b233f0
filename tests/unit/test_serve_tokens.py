"""Tokens: what is kept of them, what they may ask for, until when, and the command that makes them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from serving import refused, served
from small_place import Place, learnfold

if TYPE_CHECKING:
    from pathlib import Path


def made(tokens: Path, name: str, *words: object) -> dict[str, str]:
    """The header of a new token."""
    result = learnfold("serve", "token", "--tokens", tokens, "--name", name, *words)
    assert result.returncode == 0, result.stderr
    return {"authorization": f"Bearer {result.stdout.strip()}"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """One view's worth of events."""
    place = Place(tmp_path)
    place.watch(1, "ann")
    place.run()
    return place


def test_a_token_asks_for_what_it_was_made_for(place: Place, tmp_path: Path) -> None:
    """The views of its scope, in lists, addresses, queries, explanations and the OpenAPI document; nothing else."""
    tokens = tmp_path / "tokens.json"
    some = made(tokens, "grafana", "--views", "video_p*,video_daily_engagement")
    every = made(tokens, "admin")
    with served(place.out, open=False, tokens=str(tokens)) as client:
        for headers, count in ((some, 2), (every, len(place.current().jobs["video"].views))):
            views = client.json("/v1/views", headers=headers)["views"]
            assert len(views) == count
            paths = client.json("/openapi.json", headers=headers)["paths"]
            assert {view["view"] for view in views} <= {path.split("/")[3] for path in paths if "/views/" in path}
        assert client.get("/v1/views/video_popularity", headers=some).status_code == 200
        for address in (
            "/v1/views/video_total_watch_time",
            "/v1/views/video_total_watch_time/export",
            "/v1/views/video_total_watch_time/key/ann/v/c",
            "/v1/explain/video_total_watch_time/user_id",
            f"/v1/views/video_total_watch_time?batch={place.current().batch}",
        ):
            refused(client.get(address, headers=some), 403, "forbidden")
            assert client.get(address, headers=every).status_code == 200
        asked = {"queries": [{"view": "video_popularity"}, {"view": "video_total_watch_time"}]}
        assert "queries[1]" in refused(client.post(asked, headers=some), 403, "forbidden")["detail"]
        paths = client.json("/openapi.json", headers=some)["paths"]
        assert "/v1/views/video_total_watch_time" not in paths


def test_who_has_no_token_is_told_how_to_sign_in(place: Place, tmp_path: Path) -> None:
    """Without one, with one that is unknown, changed, expired or taken back, or by another scheme; health is for all."""
    tokens = tmp_path / "tokens.json"
    good = made(tokens, "good")["authorization"]
    late = made(tokens, "late", "--days", "0.0000001")["authorization"]
    with served(place.out, open=False, tokens=str(tokens)) as client:
        assert client.get("/v1/views", headers={"authorization": good}).status_code == 200
        for bad in (
            "",
            "Bearer",
            "Bearer ",
            "Bearer lf_x",
            good[:-1],
            good + "x",
            f"Basic {good[7:]}",
            late,
            good.upper(),
        ):
            found = client.get("/v1/views", headers={"authorization": bad})
            refused(found, 401, "unauthenticated")
            assert found.headers["www-authenticate"] == 'Bearer realm="learnfold"'
        refused(client.get("/v1/views"), 401, "unauthenticated")
        refused(client.get(f"/v1/views?access_token={good[7:]}"), 401, "unauthenticated")
        for address in ("/health/live", "/health/ready"):
            assert client.get(address).status_code == 200
        assert learnfold("serve", "token", "--tokens", tokens, "--revoke", "good").returncode == 0
        client.opened.sign_in.tokens.look_seconds = 0
        refused(client.get("/v1/views", headers={"authorization": good}), 401, "unauthenticated")


def test_the_file_of_tokens_gives_none_away(tmp_path: Path) -> None:
    """It holds digests, is its owner's alone, and the command shows a token once."""
    tokens = tmp_path / "tokens.json"
    text = made(tokens, "one", "--days", 30)["authorization"].removeprefix("Bearer ")
    assert re.fullmatch(r"lf_[\w-]{43}", text)
    assert text not in tokens.read_text()
    assert tokens.stat().st_mode & 0o077 == 0
    listed = learnfold("serve", "token", "--tokens", tokens, "--json")
    (entry,) = json.loads(listed.stdout)
    assert entry["name"] == "one"
    assert text not in listed.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--name", "x"], "--tokens FILE"),
        (["--tokens", "t.json"], "give one of"),
        (["--tokens", "t.json", "--name", "x", "--revoke", "y"], "give one of"),
        (["--tokens", "t.json", "--name", "x", "--views", "nothing"], "no view is called so"),
        (["--tokens", "t.json", "--name", "x", "--days", "-1"], "more than 0"),
        (["--tokens", "t.json", "--revoke", "x"], "no token called x"),
    ],
)
def test_the_command_refuses_what_it_cant_do(tmp_path: Path, words: list[str], why: str) -> None:
    """With exit code 2 and what to do."""
    words = [str(tmp_path / word) if word == "t.json" else word for word in words]
    result = learnfold("serve", "token", *words)
    assert (result.returncode, why in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "t.json").exists()


def test_a_file_that_holds_something_else_is_no_file_of_tokens(place: Place, tmp_path: Path) -> None:
    """Named, never a traceback."""
    (tmp_path / "t.json").write_text('{"tokens": [{"name": 3}]}')
    result = learnfold("serve", place.out, "--tokens", tmp_path / "t.json")
    assert (result.returncode, "is no file of tokens" in result.stderr) == (1, True), result.stderr


def test_the_command_serves_and_drains(place: Place) -> None:
    """It says where it listens, answers, and ends with 0 when it is asked to stop."""
    command = [sys.executable, "-m", "learnfold", "serve", str(place.out), "--open", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        lines = iter(running.stderr.readline, "")
        address = next(line.split()[-1] for line in lines if line.startswith("listening on"))
        found = httpx.get(f"{address}/v1/views/video_popularity", timeout=30)
        assert found.json()["rows"][0]["unique_viewers"] == 1
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--open", "--host", "0.0.0.0"], "lets anyone in"),
        ([], "nobody could sign in"),
        (["--open", "--port", "99999"], "--port"),
    ],
)
def test_the_command_doesnt_serve_by_mistake(place: Place, words: list[str], why: str) -> None:
    """Exit code 2, and what to do."""
    result = learnfold("serve", place.out, *words)
    assert (result.returncode, why in result.stderr) == (2, True), result.stderr
    missing = learnfold("serve", place.root / "nowhere", "--open")
    assert (missing.returncode, "there is nothing at" in missing.stderr) == (2, True), missing.stderr
