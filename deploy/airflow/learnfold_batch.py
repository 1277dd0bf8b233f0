"""The batch layer as an Airflow 3 DAG: all jobs side by side, nightly; a day can be backfilled.

Airflow needs nothing of learnfold: each task calls the command, which may live in an environment of its own. Airflow's Variables
(or AIRFLOW_VAR_LEARNFOLD_INPUT and so on in the environment of its workers) say what is where:

    learnfold_command    the command                          learnfold
    learnfold_input      the master dataset                   s3a://bucket-0/master_dataset
    learnfold_output     the views                            s3a://bucket-0/batch_views
    learnfold_options    more flags, such as --engine spark   (none)
    learnfold_alert_url  where a failure is told as JSON      (nowhere)

Keys of the object store belong in the environment of the workers: MINIO_ACCESS_KEY, MINIO_SECRET_KEY, or AWS's own.

A nightly run takes in whatever has come, late events too, so runs that were missed are made up for by the next (no catch-up).
A backfill folds its days anew: airflow backfill create --dag-id learnfold_batch --from-date 2025-12-10 --to-date 2025-12-12
"""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Variable
from airflow.timetables.interval import CronDataIntervalTimetable

JOBS = ("auth", "assessment", "video", "course", "profile_notification", "forum")  # written by `make docs` from the subjects
AFTER = ("insight",)  # the jobs that read what others make: they run behind those, one after the other

COMMAND = (
    "{{ var.value.get('learnfold_command', 'learnfold') }} run"
    " \"{{ var.value.get('learnfold_input', 's3a://bucket-0/master_dataset') }}\""
    " \"{{ var.value.get('learnfold_output', 's3a://bucket-0/batch_views') }}\""
    " --job JOB --wait 600 {{ var.value.get('learnfold_options', '') }}"
    "{% if dag_run.run_type == 'backfill' %} --from {{ ds }} --to {{ ds }}{% endif %}"
)


def alert(context: dict) -> None:
    """Tells of a failed task once its retries are used up."""
    url = Variable.get("learnfold_alert_url", default="")
    if not url:
        return
    task, run = context["task_instance"], context["dag_run"]
    text = f"learnfold: {task.task_id} of {run.run_id} failed; the views are as they were before"
    told = {"text": text, "task": task.task_id, "run": run.run_id, "error": str(context.get("exception", ""))}
    request = urllib.request.Request(url, json.dumps(told).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10):
        pass


with DAG(
    "learnfold_batch",
    description="The batch views of learning events",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    tags=["learnfold"],
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(hours=6),
        "on_failure_callback": alert,
    },
) as dag:
    fork = EmptyOperator(task_id="batch_jobs")
    join = EmptyOperator(task_id="views_published")
    for job in JOBS:
        fork >> BashOperator(task_id=f"{job}_batch_job", bash_command=COMMAND.replace("JOB", job), append_env=True) >> join
    last = join
    for job in AFTER:
        last = last >> BashOperator(task_id=f"{job}_batch_job", bash_command=COMMAND.replace("JOB", job), append_env=True)
