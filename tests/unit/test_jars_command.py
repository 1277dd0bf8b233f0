"""``learnfold jars``: what it prints, with jars that are in the cache already."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from learnfold.cli import main
from learnfold.engines import jars


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which two jars lie where the pom says; no Maven."""
    monkeypatch.setenv("LEARNFOLD_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    folder = jars._folder(tmp_path, jars._POM.read_bytes())
    folder.mkdir()
    for name in ("b-2.jar", "a-1.jar"):
        (folder / name).write_bytes(b"jar")
    return folder


def test_the_folder_and_its_jars_are_printed(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """First the folder, then each jar; as JSON with their sizes."""
    assert main(["jars"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(cache), "  a-1.jar", "  b-2.jar"]
    assert main(["jars", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(cache), "files": {"a-1.jar": 3, "b-2.jar": 3}}


def test_another_folder_may_be_named(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What isn't in the named folder has to be fetched, which needs Maven: exit 1 says so."""
    assert main(["jars", "--folder", str(cache.parent)]) == 0
    assert main(["jars", "--folder", str(tmp_path / "other")]) == 1
    assert "Maven" in capsys.readouterr().err


def test_the_packages_form_names_the_poms_versions(capsys: pytest.CaptureFixture[str]) -> None:
    """--list prints words for spark-submit: coordinates with the pom's versions, without the large bundle."""
    assert main(["jars", "--list"]) == 0
    words = capsys.readouterr().out.split()
    assert [words[0], words[2]] == ["--packages", "--exclude-packages"]
    pom = jars._POM.read_text("utf-8")
    coordinates = words[1].split(",")
    assert coordinates[0].startswith("org.apache.hadoop:hadoop-aws:")
    for coordinate in coordinates:
        group, name, version = coordinate.split(":")
        assert all(f">{part}<" in pom for part in (group, name, version)), coordinate
    assert "software.amazon.awssdk:bundle" in words[3].split(",")
    assert main(["jars", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packages"] == coordinates
