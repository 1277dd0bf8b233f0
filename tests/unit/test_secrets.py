"""No password, key or token is shown anywhere: not by itself, and not within an address."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_place import Place

from learnfold.addresses import without_secrets
from learnfold.cli import main
from learnfold.errors import LearnfoldError, UsageError
from learnfold.serve.problems import Problem
from learnfold.settings import PREFIX, Settings, meanings
from learnfold.storage import open_storage
from learnfold.telemetry.reporter import TerminalReporter

SECRET = "hunter2+more"
NOWHERE = "127.0.0.1:9"
"""Nobody listens at the discard port."""

PLANTED = {
    "kafka_servers": f"kafka://user:{SECRET}@{NOWHERE},other:{SECRET}@{NOWHERE}",
    "kafka_options": f"sasl.password={SECRET}, socket.timeout.ms=500",
    "s3_endpoint": f"http://user:{SECRET}@{NOWHERE}",
    "s3_access_key": SECRET,
    "s3_secret_key": SECRET,
    "s3_session_token": SECRET,
    "push_gateway": f"http://user:{SECRET}@{NOWHERE}/push",
    "alert_url": f"http://user:{SECRET}@{NOWHERE}/hook/{SECRET}?token={SECRET}",
    "alert_mail": "who@example.org",
    "smtp_url": f"smtp://user:{SECRET}@{NOWHERE}",
    "openlineage": f"http://user:{SECRET}@{NOWHERE}/api?api_key={SECRET}",
    "openlineage_key": SECRET,
    "lrs_credentials": f"key:{SECRET}",
    "spark_master": f"spark://user:{SECRET}@{NOWHERE}",
    "log_format": "json",
    "s3_retries": "0",
    "s3_timeout_seconds": "2",
}
"""A secret in every setting that can hold one, and addresses that nobody answers at, so that errors name them."""


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    """A small place, and an environment full of secrets."""
    place = Place(tmp_path)
    place.watch(1, "a", "b")
    for name, value in PLANTED.items():
        monkeypatch.setenv(PREFIX + name.upper(), value)
    monkeypatch.setenv("LEARNFOLD_METRICS_FILE", str(tmp_path / "learnfold.prom"))
    return place


COMMANDS = [
    "doctor",
    "doctor --json",
    "doctor {master} s3://bucket/out --kafka",
    "doctor s3://user:{secret}@bucket/in {out}",
    "run {master} {out} --job video --json",
    "run {master} s3://bucket/out",
    "run s3://user:{secret}@bucket/in {out}",
    "run http://user:{secret}@host/in {out}",
    "run {root}/nowhere {out}",
    "status {out}",
    "status {out} --json",
    "status s3://bucket/out",
    "show video_popularity {out} --json",
    "show video_popularity http://user:{secret}@127.0.0.1:9/",
    "verify {master} {out} --job video --json",
    "clean {out} --json",
    "erase a {master} {out} --json",
    "oozie --write {root}/oozie",
    "monitoring --write {root}/monitoring",
    "tail video_topic",
    "ingest --into {master} --lrs http://127.0.0.1:9/xAPI --give-up 0",
    "ingest --into {master} --lrs http://key:{secret}@127.0.0.1:9/xAPI",
    "generate --to-kafka --events 500",
    "no-such user:{secret}@host",
]


@pytest.mark.slow
def test_no_secret_is_in_what_any_command_prints_or_writes(planted: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, JSON, errors, log lines, manifests, metrics, lineage, Oozie's files, alert rules."""
    names = {"master": planted.master, "out": planted.out, "root": planted.root, "secret": SECRET}
    shown = {}
    for command in COMMANDS:
        with contextlib.suppress(SystemExit):  # argparse
            main([word.format(**names) for word in command.split()])
        captured = capsys.readouterr()
        shown[command] = captured.out + captured.err
    assert [command for command, text in shown.items() if "hunter2" in text] == []
    assert "***@127.0.0.1:9" in shown["doctor"]
    assert "can't be pushed to http://127.0.0.1:9/push" in shown["run {master} {out} --job video --json"]
    written = [path for path in planted.root.rglob("*") if path.is_file()]
    assert any(path.name == "manifest.json" for path in written)
    assert [str(path) for path in written if b"hunter2" in path.read_bytes()] == []


def test_lineage_in_a_file_holds_no_secret(planted: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run that succeeds and of one that fails at an address with a password."""
    lineage = planted.root / "lineage.jsonl"
    monkeypatch.setenv("LEARNFOLD_OPENLINEAGE", str(lineage))
    main(["run", str(planted.master), str(planted.out), "--job", "video"])
    assert lineage.read_text().count("\n") == 2
    assert "hunter2" not in lineage.read_text()


def test_every_setting_that_can_hold_a_secret_is_planted() -> None:
    """A new one that is secret, or an address, has to be tried here."""
    addresses = {"kafka_servers", "s3_endpoint", "spark_master"}
    assert {each.name for each in meanings() if each.secret} | addresses <= PLANTED.keys()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kafka://user:pw@host:9092", "kafka://***@host:9092"),
        ("http://u:p@host/x?y=1", "http://***@host/x?y=1"),
        ("https://u:p%40q@host", "https://***@host"),
        ("http://u:p@ss@host/a@b", "http://***@host/a@b"),
        ("http://u:p/w@host/x", "http://***@host/x"),
        ("smtp://host:25", "smtp://host:25"),
        ("u:p@host:9092,v:q@other:9092", "***@host:9092,***@other:9092"),
        ("at u:p@host: no answer", "at ***@host: no answer"),
        ("http://token@host", "http://***@host"),
        ("https://h/x?sig=abc&n=1&X-Amz-Signature=d", "https://h/x?sig=***&n=1&X-Amz-Signature=***"),
        ("https://h/x?api_key=abc'", "https://h/x?api_key=***'"),
        ("s3://bucket/a@b/c", "s3://bucket/a@b/c"),
        ("http://host:9000/a@b", "http://host:9000/a@b"),
        ("mail to anna@example.org", "mail to anna@example.org"),
        ("/data/a:b@c/x", "/data/a:b@c/x"),
        ("12:30 @ 5", "12:30 @ 5"),
    ],
)
def test_an_address_is_shown_without_what_lets_one_in(text: str, shown: str) -> None:
    """Users, passwords and keys become ***; hosts, paths and mail addresses stay."""
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@given(
    password=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#'\"<>@"), min_size=6),
    scheme=st.sampled_from(["http", "https", "kafka", "smtp", "smtps", "s3", "spark", "SASL_SSL"]),
    around=st.sampled_from(["{}", "at {}: refused", "({})", '"{}"', "a={}", "{} and {}"]),
)
def test_whatever_the_password_it_is_hidden(password: str, scheme: str, around: str) -> None:
    """A law: of any scheme, anywhere in a message, in errors and log lines too."""
    password = f"begin{password}end"
    text = around.replace("{}", f"{scheme}://user:{password}@host:1/x")
    assert password not in without_secrets(text)
    assert password not in str(LearnfoldError(text))
    assert password not in Problem("internal", text, text).body().decode()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_log_lines_hide_secrets(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where an error of another library's is reported."""
    reporter = TerminalReporter(log_format=log_format)
    reporter.log("waiting", why=f"http://u:{SECRET}@host is silent")
    reporter.problem(f"kafka://u:{SECRET}@host")
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.parametrize("url", [f"s3://user:{SECRET}@bucket/x", f"s3a://{SECRET}@bucket"])
def test_keys_in_the_name_of_a_place_are_refused(url: str) -> None:
    """A place is written to manifests and shown everywhere; keys have settings of their own."""
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID") as refused:
        open_storage(url, Settings())
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("memory", "1GB'; SELECT 1; --"),
        ("reporting_zone", "UTC'; DROP TABLE x; --"),
        ("platform_zone", "UTC' || '"),
        ("engine", "duckdb; x"),
        ("log_format", "json'"),
    ],
)
def test_settings_are_values_and_never_sql(setting: str, value: str) -> None:
    """What isn't of the form is refused when it is read."""
    with pytest.raises(UsageError, match=setting):
        Settings.read({PREFIX + setting.upper(): value})


def test_a_temporary_folder_with_any_name_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes in it end no statement."""
    place = Place(tmp_path)
    place.watch(1, "a")
    folder = tmp_path / "it's; DROP TABLE x; --"
    folder.mkdir()
    place.run(settings=Settings(temporary_folder=str(folder)))
    assert place.viewers() == {"a"}


def test_no_statement_is_made_of_a_setting() -> None:
    """In the source no SQL text has a setting in it."""
    source = Path(__file__).parents[2] / "src" / "learnfold"
    found = re.compile(r"(?:execute|sql)\(\s*rf?\"[^\"]*\{[^}]*settings\.")
    assert [path.name for path in source.rglob("*.py") if found.search(path.read_text("utf-8"))] == []


def test_a_wrong_option_of_kafka_is_refused_without_its_value() -> None:
    """It may be a password whose = was forgotten."""
    clients = pytest.importorskip("learnfold.kafka.clients")
    for options in (f"sasl.password {SECRET}", f"no.such.option={SECRET}", f"socket.timeout.ms={SECRET}"):
        with pytest.raises(UsageError) as refused:
            clients.admin(Settings(kafka_options=options))
        assert "hunter2" not in str(refused.value), options


def test_the_json_of_settings_has_no_secret() -> None:
    """What doctor and manifests are made of."""
    settings = Settings.read({PREFIX + name.upper(): value for name, value in PLANTED.items()})
    assert "hunter2" not in json.dumps(settings.shown())
    assert "hunter2" not in repr(settings)
