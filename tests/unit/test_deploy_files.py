"""The files in deploy/ and the choices of a schedule say the same."""

import configparser
import re
from pathlib import Path

import yaml

from learnfold.schedule.frequency import FREQUENCIES

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_cron_job_runs_daily_one_at_a_time_and_names_the_other_choices() -> None:
    """Its expression is that of `daily`; the others stand beside it, and no key is in the file."""
    text = (DEPLOY / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8")
    assert f'schedule: "{FREQUENCIES["daily"].cron}"' in text
    for choice in ("hourly", "6h", "weekly"):
        assert f'"{FREQUENCIES[choice].cron}"' in text
    assert "concurrencyPolicy: Forbid" in text
    assert "secretRef" in text
    assert "minioadmin" not in text


def test_the_timer_fires_at_midnight_and_makes_up_for_what_was_missed() -> None:
    """UTC, once for any number of missed nights; the service it starts is the one beside it."""
    units = {}
    for name in ("learnfold.timer", "learnfold.service"):
        units[name] = configparser.ConfigParser(strict=False, interpolation=None)
        units[name].read(DEPLOY / "systemd" / name, encoding="utf-8")
    assert units["learnfold.timer"]["Timer"]["OnCalendar"] == "*-*-* 00:00:00 UTC"
    assert units["learnfold.timer"]["Timer"]["Persistent"] == "true"
    assert units["learnfold.service"]["Service"]["Type"] == "oneshot"
    assert (
        " run s3a://bucket-0/master_dataset s3a://bucket-0/batch_views"
        in units["learnfold.service"]["Service"]["ExecStart"]
    )


def test_the_development_keys_are_in_the_compose_file_alone_of_deploy() -> None:
    """And it says that they are for a laptop."""
    having = [
        file.name
        for file in DEPLOY.rglob("*")
        if file.is_file() and file.suffix != ".pyc" and "minioadmin" in file.read_text(encoding="utf-8")
    ]
    assert having == ["compose.yaml"]
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert "never for a machine that others reach" in text
    assert all(port.startswith("127.0.0.1:") for port in re.findall(r'ports: \["([^"]+)"\]', text))


def test_the_compose_file_watches_what_it_runs() -> None:
    """Prometheus scrapes services and ports that are there, with the files that `learnfold monitoring` wrote."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    config = yaml.safe_load((DEPLOY / "monitoring" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    targets = [t for job in config["scrape_configs"] for one in job["static_configs"] for t in one["targets"]]
    targets += [t for one in config["alerting"]["alertmanagers"][0]["static_configs"] for t in one["targets"]]
    expected = {"node-exporter", "ingestion", "serving", "speed", "alertmanager"}
    assert {target.partition(":")[0] for target in targets} == expected
    assert all(target.partition(":")[0] in services for target in targets)
    for service, port in {"ingestion": 9108, "serving": 9109, "speed": 9110}.items():
        assert f"{service}:{port}" in targets
        assert f"--metrics-port {port}" in services[service]["command"]
        assert services[service]["environment"]["LEARNFOLD_METRICS_ADDRESS"] == "0.0.0.0"
    for service in ("prometheus", "alertmanager", "grafana"):
        for volume in services[service]["volumes"]:
            place = volume.partition(":")[0]
            assert (DEPLOY / place).is_dir() if place.startswith(".") else place in compose["volumes"]


def served_by(text: str) -> list[str]:
    """The words behind ``learnfold serve`` in a file of deploy/, up to the end of that command."""
    return re.findall(
        r'[^\s\[\],"]+',
        re.search(r"serve,? \"?s3a://.*?(?=\n\S|\n\w*=|\n {10}env|\n {4}environment)", text, re.DOTALL)[0],
    )


def test_what_serves_asks_for_tokens_and_is_started_as_the_command_takes_it() -> None:
    """Nowhere open to others, each flag known, and drained before it is killed."""
    from argparse import ArgumentParser

    from learnfold.cli.serve import arguments

    parser = ArgumentParser()
    arguments(parser)
    for name, grace in {"systemd/learnfold-serve.service": 45, "kubernetes/serve.yaml": 45, "compose.yaml": 45}.items():
        text = (DEPLOY / name).read_text(encoding="utf-8")
        _, *words = served_by(text)
        args = parser.parse_args(words)
        assert (name, args.open, bool(args.tokens)) == (name, False, True)
        assert re.search(rf"TimeoutStopSec={grace}s|GracePeriodSeconds: {grace}|stop_grace_period: {grace}s", text), (
            name
        )


def test_the_deployment_is_asked_for_its_health() -> None:
    """Ready when a batch is open, alive while it runs; keys and tokens are secrets, not in the file."""
    deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes" / "serve.yaml").read_text(encoding="utf-8"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    secrets = [
        volume["secret"]["secretName"]
        for volume in deployment["spec"]["template"]["spec"]["volumes"]
        if "secret" in volume
    ]
    assert secrets == ["learnfold-access"]
