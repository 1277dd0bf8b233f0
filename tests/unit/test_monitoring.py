"""Rules, dashboards, runbook and pages of monitoring: made from the table of metrics, and held against each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from learnfold.cli import main
from learnfold.monitoring import rules
from learnfold.monitoring.dashboards import dashboards, queries
from learnfold.monitoring.files import files
from learnfold.monitoring.page import page
from learnfold.monitoring.promise import Promise, duration
from learnfold.monitoring.rule_tests import cases, human_duration
from learnfold.monitoring.yaml import to_yaml
from learnfold.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "deploy" / "monitoring"
DAILY = Promise()

FOREIGN = {"node_filesystem_avail_bytes"}
"""Metrics of others that rules use."""


def known() -> set[str]:
    """Every series that a query may name."""
    found = {metric.full_name for metric in METRICS if metric.kind != "histogram"}
    found |= {f"{m.full_name}_{part}" for m in METRICS if m.kind == "histogram" for part in ("bucket", "sum", "count")}
    return found | {recording.name for recording in rules.recordings(DAILY)} | FOREIGN


def named(expression: str) -> set[str]:
    """The series that a query names."""
    return set(re.findall(r"\b(?:learnfold|node)[_:][\w:]+", expression))


def test_what_is_deployed_is_what_is_generated() -> None:
    """`make docs` writes them; a file that nobody generates any more isn't left."""
    made = files(DAILY)
    assert {str(file.relative_to(DEPLOYED)) for file in DEPLOYED.rglob("*") if file.is_file()} == set(made)
    for path, text in made.items():
        assert (DEPLOYED / path).read_text(encoding="utf-8") == text, path
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page()


def test_rules_and_dashboards_name_known_series_only() -> None:
    """A metric that is renamed or gone fails here, and so does a typing error in a query."""
    expressions = [alert.expression for alert in rules.alerts(DAILY)]
    expressions += [recording.expression for recording in rules.recordings(DAILY)]
    for expression in expressions + [query for board in dashboards(DAILY) for query in queries(board)]:
        assert named(expression), expression
        assert named(expression) <= known(), expression


def test_every_metric_is_on_a_dashboard_or_in_a_rule() -> None:
    """But the older names of others, and what only tells which version runs."""
    boards = [query for board in dashboards(DAILY) for query in queries(board)]
    texts = [
        *boards,
        *(alert.expression for alert in rules.alerts(DAILY)),
        *(r.expression for r in rules.recordings(DAILY)),
    ]
    used = {name for text in texts for name in named(text)}
    unused = {m.full_name for m in METRICS if not any(name.startswith(m.full_name) for name in used)}
    assert unused == {
        "learnfold_days_folded",
        "learnfold_newest_day_timestamp_seconds",
        "learnfold_lag_seconds",
        "learnfold_info",
        "learnfold_ingest_info",
    }


def test_every_alert_has_a_heading_in_the_runbook_and_a_test() -> None:
    """And the runbook speaks of no alert that isn't there; each is tested to fire and, but for one, not to fire."""
    names = [alert.name for alert in rules.alerts(DAILY)]
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(names) == sorted(headings)
    tested = [(alert, labels is not None) for case in cases(DAILY) for _, alert, labels, _ in case.expected]
    assert {alert for alert, fires in tested if fires} == set(names)
    assert set(names) - {alert for alert, fires in tested if not fires} == {"LearnfoldIngestLag"}


def test_the_runbook_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    """Under each heading."""
    _, *parts = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8").split("\n## ")
    for part in parts:
        assert [word for word in ("**It means:**", "**Look at:**", "**Do:**") if word not in part] == [], part


@pytest.mark.parametrize("promise", [DAILY, Promise(3600, 99.9), Promise(60), Promise(604_800, 95)])
def test_the_files_are_yaml_and_json(promise: Promise) -> None:
    """As another reader of YAML reads them, they hold what was meant, for any interval."""
    for path, text in files(promise).items():
        found = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
        assert isinstance(found, dict), path
    groups = yaml.safe_load(files(promise)["prometheus/learnfold.rules.yml"])["groups"]
    found = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
    for alert in rules.alerts(promise):
        assert found[alert.name]["expr"] == alert.expression
        assert found[alert.name]["annotations"] == {"summary": alert.summary, "runbook_url": alert.runbook}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yes",
        "a: b",
        "- a",
        "a #b",
        "1m",
        "1",
        "1.5",
        "null",
        "{a}",
        "@x",
        'say "x"',
        "a:",
        ":a",
        "a\nb",
        "é",
        "x: ",
        "0x1",
    ],
)
def test_any_text_is_the_same_text_in_yaml(value: str) -> None:
    """Whatever it looks like."""
    tree = {"a": value, "b": [value, {"c": value, "d": [1, True, None, 0.5]}], "e": {}, "f": []}
    assert yaml.safe_load(to_yaml(tree, "a heading\nof two lines")) == tree


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(86_400, "1d"), (129_600, "1d12h"), (1800, "30m"), (0.0001, "1s"), (1.5, "1s500ms"), (3661, "1h1m1s")],
)
def test_a_span_is_written_as_prometheus_does(seconds: float, expected: str) -> None:
    """From the largest unit down; never less than a second."""
    assert duration(seconds) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(131_400, "1d 12h 30m 0s"), (90, "1m 30s"), (2.5, "2.5s")])
def test_a_span_for_people_is_as_prometheus_shows_it(seconds: float, expected: str) -> None:
    """Which the rules' own tests rest on."""
    assert human_duration(seconds) == expected


def test_no_panel_lies_over_another() -> None:
    """And none beside the board; ids are given once."""
    for board in dashboards(DAILY):
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        covered: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            assert not cells & covered, panel["title"]
            covered |= cells


def test_grafanas_own_library_reads_the_dashboards_whole() -> None:
    """Every member of every dashboard is one that its published schema knows."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    for board in dashboards(DAILY):
        read = json.loads(json.dumps(Dashboard.from_json(json.loads(json.dumps(board))), cls=JSONEncoder))
        assert contained(board, read, "") == []


def contained(small: object, large: object, place: str) -> list[str]:
    """Where ``large`` lacks what ``small`` has."""
    if isinstance(small, dict) and isinstance(large, dict):
        return [found for key, value in small.items() for found in contained(value, large.get(key), f"{place}.{key}")]
    if isinstance(small, list) and isinstance(large, list) and len(small) == len(large):
        return [
            found
            for number, value in enumerate(small)
            for found in contained(value, large[number], f"{place}[{number}]")
        ]
    return [] if small == large or (small in ([], {}, None) and large is None) else [f"{place}: {small} is {large}"]


def test_the_command_writes_what_was_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All files below the folder, their paths printed; the same again changes nothing."""
    assert main(["monitoring", "--interval", "1h", "--slo", "99.9", "--write", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [Path(line).relative_to(tmp_path).as_posix() for line in printed] == list(files(Promise(3600, 99.9)))
    for path, text in files(Promise(3600, 99.9)).items():
        assert (tmp_path / path).read_text(encoding="utf-8") == text


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """For people, and as JSON for machines."""
    assert main(["monitoring"]) == 0
    assert capsys.readouterr().out.count("\nlearnfold_") == len(METRICS)
    assert main(["monitoring", "--json"]) == 0
    assert [row["metric"] for row in json.loads(capsys.readouterr().out)] == [m.full_name for m in METRICS]


@pytest.mark.parametrize("flags", [["--interval", "soon"], ["--interval", "0h"], ["--slo", "100"], ["--slo", "0"]])
def test_a_promise_that_means_nothing_is_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line."""
    assert main(["monitoring", *flags, "--write", "nowhere"]) == 2
    assert flags[0] in capsys.readouterr().err


def test_pages_name_metrics_that_are_there() -> None:
    """A metric that is renamed or gone isn't left in a page; Airflow's variables are named alike, and no metrics."""
    airflow = (ROOT / "deploy" / "airflow" / "learnfold_batch.py").read_text(encoding="utf-8")
    pages = [ROOT / "README.md", ROOT / "batch_layer" / "README.md", *(ROOT / "docs").glob("*.md")]
    for file in pages:
        found = set(re.findall(r"\blearnfold_[a-z_]+\b", file.read_text(encoding="utf-8")))
        found -= {name for name in found if name in airflow} | {"learnfold_batch"}
        assert found <= known() | {metric.full_name for metric in METRICS}, file
