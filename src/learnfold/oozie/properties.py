"""``job.properties``: where things are and how large Spark may be. No keys: those are the cluster's business."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnfold.errors import UsageError

if TYPE_CHECKING:
    from learnfold.settings import Settings

_UNITS = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}


def job_properties(settings: Settings) -> str:
    """All that coordinator and workflow need, as ``oozie job -config`` reads it."""
    return _PROPERTIES.format(
        driver_memory=settings.driver_memory,
        executor_memory=settings.executor_memory,
        executor_cores=settings.executor_cores,
        num_executors=settings.num_executors,
        shuffle_partitions=settings.shuffle_partitions,
        default_parallelism=settings.default_parallelism,
        launcher_mb=megabytes(settings.driver_memory) + 512,
        wait=round(settings.wait_seconds) or 600,
    )


def megabytes(size: str) -> int:
    """A size as Spark writes it (``2g``), in megabytes; raises UsageError."""
    match = re.fullmatch(r"\s*(\d+)\s*([kmgt])b?\s*", size.lower())
    if not match:
        raise UsageError(f"{size!r} is no memory size of Spark; one is called 2g or 512m")
    return max(1, round(int(match[1]) * _UNITS[match[2]]))


def read_properties(text: str) -> dict[str, str]:
    """The properties of a file, in order, with what they name of each other put in; ``${user.name}`` and the like stay."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and stripped[0] not in "#!":
            name, _, value = stripped.partition("=")
            found[name.strip()] = value.strip()
    return found


def resolved(value: str, properties: dict[str, str]) -> str:
    """``value`` with every ``${name}`` that is known put in, those within them too; raises UsageError where they go in circles."""
    for _ in range(20):
        filled = re.sub(r"\$\{([\w.]+)\}", lambda match: properties.get(match[1], match[0]), value)
        if filled == value:
            return value
        value = filled
    raise UsageError(f"{value} in job.properties names itself")


_PROPERTIES = """\
# The parameters of the coordinator and the workflow. Written by `learnfold oozie`; change them here, or on the command line: -Dname=value.
# Keys of the object store don't belong here: the cluster has them (fs.s3a.* in core-site.xml, or a Hadoop credential provider).

# the cluster
nameNode=hdfs://localhost:8020
resourceManager=localhost:8032
queueName=default

# where deploy_oozie.sh puts the application
appPath=${{nameNode}}/user/${{user.name}}/batch_layer
oozie.coord.application.path=${{appPath}}/coordinator.xml
oozie.use.system.libpath=true

# events in, views out
inputPath=s3a://bucket-0/master_dataset
outputPath=s3a://bucket-0/batch_views
# where closed days have their marks (below topic=…/year=…/month=…/day=…); Oozie's server must be able to read there
closedPath=${{inputPath}}

# the first and the last midnight (UTC) at which it runs; all from the first on are caught up
start=2026-12-01T00:00Z
end=2099-01-01T00:00Z
# how long a run waits for its day to be closed
timeoutMinutes=1440

# Spark
sparkMaster=yarn
sparkMode=client
driverMemory={driver_memory}
executorMemory={executor_memory}
executorCores={executor_cores}
numExecutors={num_executors}
shufflePartitions={shuffle_partitions}
defaultParallelism={default_parallelism}
# in client mode the driver runs in Oozie's launcher
launcherMemoryMb={launcher_mb}
# more for spark-submit, such as --conf spark.hadoop.fs.s3a.endpoint=http://minio:9000
#sparkOptions=

# a run
# seconds that a job waits for another run of it (a killed one is waited for, too)
waitSeconds={wait}
# one more flag of run_batch_jobs.py, such as --full
#runOption=--full

# on failure: an e-mail (needs oozie.email.* on the server), or a call of a web address
#alertEmail=someone@example.org
#oozie.wf.workflow.notification.url=http://localhost:8080/oozie?job=$jobId&status=$status
"""
