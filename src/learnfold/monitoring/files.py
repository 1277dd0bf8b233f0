"""Every file that monitoring needs, for one promise; ``deploy/monitoring`` holds those of daily runs and 99 %."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from learnfold.monitoring.dashboards import dashboards
from learnfold.monitoring.promise import duration
from learnfold.monitoring.rule_tests import rule_tests
from learnfold.monitoring.rules import alerts, recordings
from learnfold.monitoring.yaml import to_yaml

if TYPE_CHECKING:
    from learnfold.monitoring.promise import Promise

RULES, RULE_TESTS, PROMETHEUS, ALERTMANAGER = (
    "prometheus/learnfold.rules.yml",
    "prometheus/learnfold.rules.test.yml",
    "prometheus/prometheus.yml",
    "alertmanager/alertmanager.yml",
)
DASHBOARDS = "grafana/dashboards"


def files(promise: Promise) -> dict[str, str]:
    """The text of every file, by its path below the folder."""
    made = (
        f"Written by `learnfold monitoring --interval {duration(promise.interval_seconds)} --slo {promise.slo_percent:g} "
        "--write DIR`;\nchange it there, not here."
    )
    found = {
        RULES: to_yaml(_rules(promise), made),
        RULE_TESTS: to_yaml(rule_tests(promise), f"{made}\n  promtool test rules learnfold.rules.test.yml"),
        PROMETHEUS: to_yaml(
            _prometheus(promise), "An example for one machine and its compose file; change the addresses to yours."
        ),
        ALERTMANAGER: to_yaml(
            _alertmanager(promise), "An example: one receiver, a webhook; put your mail, chat or pager there."
        ),
        "grafana/provisioning/datasources/prometheus.yml": to_yaml(_datasource()),
        "grafana/provisioning/dashboards/learnfold.yml": to_yaml(_provider()),
    }
    for board in dashboards(promise):
        found[f"{DASHBOARDS}/{board['uid']}.json"] = json.dumps(board, indent=2, ensure_ascii=False) + "\n"
    return found


def _rules(promise: Promise) -> dict[str, Any]:
    recorded = [{"record": each.name, "expr": each.expression} for each in recordings(promise)]
    alerting = []
    for each in alerts(promise):
        held = {"for": each.held} if each.held else {}
        labels = {"severity": each.severity}
        annotations = {"summary": each.summary, "runbook_url": each.runbook}
        alerting.append(
            {"alert": each.name, "expr": each.expression, **held, "labels": labels, "annotations": annotations}
        )
    every = duration(
        promise.step_seconds
    )  # one group, since its rules are evaluated in order: alerts see what was just recorded
    return {"groups": [{"name": "learnfold", "interval": every, "rules": [*recorded, *alerting]}]}


def _prometheus(promise: Promise) -> dict[str, Any]:
    return {
        "global": {
            "scrape_interval": duration(promise.step_seconds / 2),
            "evaluation_interval": duration(promise.step_seconds),
        },
        "rule_files": ["learnfold.rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]},
        "scrape_configs": [
            {
                "job_name": "learnfold-runs",
                "static_configs": [{"targets": ["node-exporter:9100"]}],
            },
            {"job_name": "learnfold-ingestion", "static_configs": [{"targets": ["ingestion:9108"]}]},
            {"job_name": "learnfold-serving", "static_configs": [{"targets": ["serving:9109"]}]},
            {"job_name": "learnfold-speed", "static_configs": [{"targets": ["speed:9110"]}]},
        ],
    }


def _alertmanager(promise: Promise) -> dict[str, Any]:
    """While numbers are stale, neither the failed runs behind it nor the burning budget is sent too."""
    return {
        "route": {
            "receiver": "team",
            "group_by": ["alertname", "batch_job"],
            "group_wait": promise.share(30),
            "group_interval": promise.share(300),
            "repeat_interval": promise.share(86_400),
        },
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="LearnfoldNumbersStale"'],
                "target_matchers": ['alertname=~"LearnfoldRunFailed|LearnfoldFreshnessBudgetBurning"'],
                "equal": ["batch_job"],
            }
        ],
        "receivers": [{"name": "team", "webhook_configs": [{"url": "http://127.0.0.1:9099/", "send_resolved": True}]}],
    }


def _datasource() -> dict[str, Any]:
    source = {"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "access": "proxy"}
    return {"apiVersion": 1, "datasources": [{**source, "url": "http://prometheus:9090", "isDefault": True}]}


def _provider() -> dict[str, Any]:
    options = {"path": "/var/lib/grafana/dashboards/learnfold"}
    return {
        "apiVersion": 1,
        "providers": [{"name": "learnfold", "folder": "learnfold", "type": "file", "options": options}],
    }
