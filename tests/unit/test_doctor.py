"""``learnfold doctor``: what it says of this machine, and of places in folders."""

from __future__ import annotations

import json
import os
import random
import stat
from importlib import metadata
from pathlib import Path

import pytest

from conftest import tries
from learnfold.cli import main
from learnfold.doctor import installed
from learnfold.settings import Settings, meanings
from promises.growing import grow


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A small master dataset."""
    grow(tmp_path / "master", 0)
    return tmp_path / "master"


def program(folder: Path, name: str, script: str) -> None:
    """A program of that name that runs a shell script."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_installed_packages_have_their_versions() -> None:
    """The versions are those that Python's own metadata has; a package that isn't installed has none."""
    found = {part.name: part for part in installed(os.environ, Settings())}
    for name in ("learnfold", "duckdb", "sqlglot", "obstore"):
        assert found[name].version == metadata.version(name)
    assert not any(part.missing for part in found.values())


def test_a_package_that_is_missing_is_missed_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyspark the engine spark can't run, and the message says how to get it; the engine duckdb doesn't care."""
    known = metadata.version

    def version(name: str) -> str:
        if name in {"pyspark", "confluent-kafka", "obstore"}:
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(metadata, "version", version)

    def missing(settings: Settings, **asked: bool) -> set[str]:
        return {part.name for part in installed({"PATH": os.environ["PATH"]}, settings, **asked) if part.missing}

    assert missing(Settings()) == set()
    assert missing(Settings(), s3=True, kafka=True) == {"obstore", "confluent-kafka"}
    assert "pyspark" in missing(Settings(engine="spark"))
    spark = next(part for part in installed({}, Settings(engine="spark")) if part.name == "pyspark")
    assert spark.without == "pip install '.[spark]' (in the clone; of a wheel: its path in place of the dot)"


def test_java_is_the_one_that_spark_would_start(tmp_path: Path) -> None:
    """JAVA_HOME wins over the PATH; a Java that can't be run is none."""
    program(tmp_path / "home" / "bin", "java", "echo 'openjdk version \"17.0.99\" 2030-01-01' >&2")
    program(tmp_path / "path", "java", "echo 'openjdk version \"21.0.1\"' >&2")
    program(tmp_path / "broken" / "bin", "java", "exit 1")

    def java(**environment: str) -> str | None:
        return next(part.version for part in installed(environment, Settings()) if part.name == "java")

    assert java(JAVA_HOME=str(tmp_path / "home"), PATH=str(tmp_path / "path")) == "17.0.99"
    assert java(PATH=str(tmp_path / "path")) == "21.0.1"
    assert java(JAVA_HOME=str(tmp_path / "broken"), PATH=str(tmp_path / "path")) is None
    assert java(PATH=str(tmp_path / "empty")) is None


def test_maven_says_its_version_without_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maven prints its version in bold; only the number is shown."""
    program(tmp_path, "mvn", "printf '\\033[1mApache Maven 3.8.7\\033[m\\nMaven home: /x\\n'")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert next(part.version for part in installed({}, Settings()) if part.name == "maven") == "3.8.7"


def test_sparks_jars_are_those_of_the_settings(tmp_path: Path) -> None:
    """The folder of the setting is looked into; one without jars, or a cache without them, has none."""
    (tmp_path / "some.jar").touch()

    def jars(settings: Settings) -> str | None:
        environment = {"LEARNFOLD_CACHE": str(tmp_path / "cache")}
        return next(part.version for part in installed(environment, settings) if part.name == "spark jars")

    assert jars(Settings(spark_jars=str(tmp_path))) == f"1 in {tmp_path}"
    assert jars(Settings(spark_jars=str(tmp_path / "empty"))) is None
    assert jars(Settings()) is None


def test_places_that_can_be_used_are_fine(events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events are counted; a place for views is written to and tidied up, and nothing is made that wasn't there."""
    before = sorted(tmp_path.rglob("*"))
    assert main(["doctor", str(events), str(tmp_path / "not" / "there" / "yet"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(check["what"], check["ok"]) for check in report["checks"]] == [
        ("list events", True),
        ("list", True),
        ("write, read, copy", True),
        ("publish: conditional writes", True),
    ]
    assert report["checks"][0]["detail"].startswith("7 files of events, ")
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["run", str(events), str(tmp_path / "views")]) == 0
    there = set((tmp_path / "views").rglob("*"))
    capsys.readouterr()
    assert main(["doctor", str(events), str(tmp_path / "views")]) == 0
    said = capsys.readouterr().out
    assert " is published" in said
    assert "the first of two writers wins" in said
    assert set((tmp_path / "views").rglob("*")) == there


def test_what_cant_be_reached_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No events, a file in place of a folder, a place that can't be opened: each is told, and nothing else is tried there."""
    (tmp_path / "file").touch()
    for words, says in (
        (["doctor", str(tmp_path / "nothing")], "there is no master dataset"),
        (["doctor", str(tmp_path)], "there are no events"),
        (["doctor", str(tmp_path), str(tmp_path / "file")], "is a file, not a folder"),
        (["doctor", str(tmp_path), "gs://bucket/x"], "a place is a folder, s3://bucket/path"),
    ):
        assert main(words) == 1
        said = capsys.readouterr().out
        assert says in said
        assert "failed" in said
        assert "Traceback" not in said


def test_settings_are_shown_but_secrets_never(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every setting is there with its variables; of a secret only that it is set."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAVERYSECRET")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hushhush")
    monkeypatch.setenv("LEARNFOLD_KAFKA_OPTIONS", "sasl.password=hushhush")
    monkeypatch.setenv("LEARNFOLD_THREADS", "3")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    data = capsys.readouterr().out
    assert "hushhush" not in said + data
    assert "AKIA" not in said + data
    shown = json.loads(data)["settings"]
    assert set(shown) == {meaning.name for meaning in meanings()}
    assert (shown["s3_access_key"], shown["s3_secret_key"], shown["s3_session_token"]) == ("set", "set", "")
    assert shown["threads"] == 3
    for meaning in meanings():
        assert meaning.variable in said


def test_kafka_that_is_asked_for_and_missing_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--kafka without confluent-kafka says what to install."""
    known = metadata.version

    def version(name: str) -> str:
        if name == "confluent-kafka":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(metadata, "version", version)
    assert main(["doctor", "--kafka"]) == 1
    assert "confluent-kafka is needed and isn't there: pip install '.[kafka]'" in capsys.readouterr().out


RUBBISH = [
    *(
        "",
        " ",
        "\udcff",
        "[" * 3000,
        "%00%ff",
        "../../etc/passwd",
        "'; DROP TABLE x; --",
        "null",
        "1e999",
        "-1",
        "NaN",
        "9" * 400,
    ),
    *("0", "s3://", "http://[", "https://anna:hushhush@host:99999/x", "a\nb", "\u0661\u0662"),
]


def test_rubbish_in_any_setting_gives_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The doctor says what is wrong, whatever a setting holds: never a traceback, never a password."""
    (tmp_path / "master").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))  # asking java and Maven for their versions takes a second each time
    pairs = [(meaning.variable, text) for meaning in meanings() for text in RUBBISH]
    always = [pair for pair in pairs if pair[0] == "LEARNFOLD_SPARK_JARS"]
    for variable, text in [*always, *random.sample(pairs, min(len(pairs), tries(150)))]:
        monkeypatch.setenv(variable, text)
        code = main(["doctor", str(tmp_path / "master"), "--json"])
        monkeypatch.delenv(variable)
        said = "".join(capsys.readouterr())
        assert code in {0, 1, 2}, (variable, text)
        assert "Traceback" not in said, (variable, text)
        assert "hushhush" not in said, (variable, text)
