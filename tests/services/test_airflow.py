"""The DAG in a real Airflow 3, in an environment of its own: it loads, builds the views, backfills days, tells of failures."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.cli import main
from learnfold.settings import Settings
from learnfold.storage import open_storage

from .stack.cache import made
from .stack.need import build

pytestmark = [pytest.mark.services, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "deploy" / "airflow"
LOCK = ROOT / "locks" / "airflow.txt"


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with Airflow, made once: about a minute, 200 MB."""

    def install(folder: Path) -> None:
        build([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        build([*pip, "--require-hashes", "-r", str(LOCK)])

    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return made(f"airflow-{digest}", install) / "bin" / "python"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Airflow is told; its database is a new one."""
    home, data = tmp_path_factory.mktemp("airflow"), tmp_path_factory.mktemp("data")
    assert main(["generate", str(data / "master"), "--events", "3000"]) == 0
    command = home / "learnfold"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m learnfold "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW_VAR_LEARNFOLD_COMMAND": str(command),
        "AIRFLOW_VAR_LEARNFOLD_INPUT": str(data / "master"),
        "AIRFLOW_VAR_LEARNFOLD_OUTPUT": str(data / "my views"),
        "AIRFLOW_VAR_LEARNFOLD_OPTIONS": "--threads 1",
    }


def airflow(python: Path, environment: dict[str, str], *arguments: str) -> str:
    """What a command of Airflow's said."""
    done = subprocess.run(
        [str(python), "-m", "airflow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def ready(python: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment, with a database."""
    airflow(python, environment, "db", "migrate")
    return environment


SHAPE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
dag = bag.dags["learnfold_batch"]
print("SHAPE", json.dumps({
    "errors": bag.import_errors,
    "tasks": {task.task_id: [sorted(task.upstream_task_ids), sorted(task.downstream_task_ids)] for task in dag.tasks},
    "retries": sorted({task.retries for task in dag.tasks}),
    "active": dag.max_active_runs,
    "commands": [task.bash_command for task in dag.tasks if "batch_job" in task.task_id and hasattr(task, "bash_command")],
}))
"""


@pytest.fixture(scope="module")
def shape(python: Path, ready: dict[str, str]) -> dict:
    """What Airflow made of the file."""
    done = subprocess.run([str(python), "-c", SHAPE, str(DAGS)], env=ready, capture_output=True, text=True, check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("SHAPE ")] or [
        pytest.fail(done.stderr[-3000:])
    ]
    return json.loads(line.removeprefix("SHAPE "))


def test_the_jobs_of_the_catalogue_run_side_by_side(shape: dict) -> None:
    """A fork, a task a job named as Oozie's action, a join; retried, one run at a time."""
    jobs = sorted(f"{job.name}_batch_job" for job in catalog.load().jobs.values() if not job.after)
    chain = ["views_published", *(f"{job.name}_batch_job" for job in catalog.load().jobs.values() if job.after)]
    assert shape["errors"] == {}
    assert shape["tasks"] == {
        "batch_jobs": [[], jobs],
        **{task: [chain[at : at + 1], chain[at + 2 : at + 3]] for at, task in enumerate(chain[1:])},
        "views_published": [jobs, chain[1:2]],
        **{job: [["batch_jobs"], ["views_published"]] for job in jobs},
    }
    assert (shape["retries"], shape["active"]) == ([2], 1)


def test_a_test_of_the_dag_builds_the_views(python: Path, ready: dict[str, str], tmp_path: Path) -> None:
    """`airflow dags test` ends well, and the views have the rows of one run of all jobs."""
    said = airflow(python, ready, "dags", "test", "learnfold_batch", "2025-12-10")
    assert re.search(r"Marking run .* successful", said)
    master, views = ready["AIRFLOW_VAR_LEARNFOLD_INPUT"], ready["AIRFLOW_VAR_LEARNFOLD_OUTPUT"]
    found, _ = read_current(open_storage(views, Settings()))
    assert found is not None
    expected = run(RunRequest(master, str(tmp_path / "views")), catalog.load(), Settings()).manifest
    digests = {name: view.digest for name, view in expected.views.items()}
    assert digests.keys() == catalog.load().views.keys()
    assert digests == {name: view.digest for name, view in found.views.items()}


def test_a_backfill_folds_its_days_anew(python: Path, ready: dict[str, str], shape: dict) -> None:
    """Airflow would run each day once, and then the command gets that day; a nightly run takes what has come."""
    days = ["--from-date", "2025-12-10", "--to-date", "2025-12-12"]
    said = airflow(python, ready, "backfill", "create", "--dag-id", "learnfold_batch", *days, "--dry-run")
    assert {"2025-12-10", "2025-12-11", "2025-12-12"} <= set(re.findall(r"\d{4}-\d\d-\d\d", said))
    render = (
        "import sys, jinja2, types\n"
        "variables = types.SimpleNamespace(value={})\n"
        "for kind in ('scheduled', 'backfill'):\n"
        "    run = types.SimpleNamespace(run_type=kind)\n"
        "    print(jinja2.Template(sys.argv[1]).render(var=variables, ds='2025-12-10', dag_run=run))\n"
    )
    done = subprocess.run(
        [str(python), "-c", render, shape["commands"][0]], env=ready, capture_output=True, text=True, check=True
    )
    scheduled, backfill = done.stdout.splitlines()
    assert "--from" not in scheduled
    assert backfill.endswith("--from 2025-12-10 --to 2025-12-10")


ALERT = """
import sys
from types import SimpleNamespace
from airflow.dag_processing.dagbag import DagBag
task = DagBag(sys.argv[1]).dags["learnfold_batch"].get_task("video_batch_job")
(alert,) = task.on_failure_callback
alert({"task_instance": SimpleNamespace(task_id="video_batch_job"), "dag_run": SimpleNamespace(run_id="manual"),
       "exception": ValueError("exit code 1")})
"""


def test_a_failure_is_told_where_the_variable_says(python: Path, ready: dict[str, str]) -> None:
    """The tasks' callback posts JSON to learnfold_alert_url, and nothing where there is none."""
    got: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        for told in ({}, {"AIRFLOW_VAR_LEARNFOLD_ALERT_URL": url}):
            subprocess.run(
                [str(python), "-c", ALERT, str(DAGS)], env={**ready, **told}, check=True, capture_output=True
            )
    finally:
        server.shutdown()
        server.server_close()
    assert [(one["task"], one["error"]) for one in got] == [("video_batch_job", "exit code 1")]
