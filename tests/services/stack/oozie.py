"""Oozie 5.2.1 on HDFS and YARN: the seed's scheduler."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from xml.sax.saxutils import escape

from .cache import cache_folder, locked
from .hadoop import NAME_NODE, PORTS, RESOURCE_MANAGER, USER, Hadoop, hadoop_jars, java, opened, write_site
from .process import run
from .service import Group, Service, ServiceError, answers, busy, listens
from .spark import spark_home

PORT = 11000
SMTP_PORT = 11025
"""Where Oozie sends e-mail; a test that wants it listens there."""
URL = f"http://127.0.0.1:{PORT}/oozie"
SHARE = f"/user/{USER}/share/lib"
UNDER_WAY = {"PREP", "RUNNING", "SUSPENDED"}
LOG4J = """\
log4j.rootLogger=WARN,log
log4j.logger.org.apache.oozie=INFO,oozie
log4j.logger.oozieaudit=OFF
log4j.logger.oozieinstrumentation=OFF
log4j.appender.log=org.apache.log4j.ConsoleAppender
log4j.appender.log.layout=org.apache.log4j.PatternLayout
log4j.appender.log.layout.ConversionPattern=%d{ISO8601} %5p %c{1}:%L - SERVER[${oozie.instance.id}] %m%n
# `oozie job -log` reads this one
log4j.appender.oozie=org.apache.log4j.DailyRollingFileAppender
log4j.appender.oozie.File=${oozie.log.dir}/jobs.log
log4j.appender.oozie.Append=true
log4j.appender.oozie.DatePattern='.'yyyy-MM-dd-HH
log4j.appender.oozie.layout=org.apache.log4j.PatternLayout
log4j.appender.oozie.layout.ConversionPattern=%d{ISO8601} %5p %c{1}:%L - SERVER[${oozie.instance.id}] %m%n
"""


class OozieServer(Service):
    """The server alone; its database is a folder's, so jobs outlive a restart."""

    name = "oozie"
    patience_seconds = 180.0
    grace_seconds = 10.0

    def __init__(self, folder: Path, hadoop: Hadoop, cluster: Mapping[str, str]) -> None:
        """`cluster` is more of Hadoop's configuration, as Oozie and its actions find it."""
        super().__init__(folder)
        self._hadoop, self._cluster = hadoop, cluster

    def command(self) -> list[str]:
        """See Service."""
        self._write_settings()
        self._share()
        for needed in ("data", "webroot/webapp"):
            (self.folder / needed).mkdir(parents=True, exist_ok=True)
        conf = self.folder / "conf"
        properties = {
            "oozie.home.dir": self.folder,
            "oozie.config.dir": conf,
            "oozie.config.file": "oozie-site.xml",
            "oozie.log4j.file": "oozie-log4j.properties",
            "oozie.log4j.reload": 10,
            "oozie.log.dir": self.folder,
            "oozie.data.dir": self.folder / "data",
            "oozie.instance.id": "localhost",
            "java.io.tmpdir": self.folder / "data",
        }
        path = ["-cp", f"{conf}:{self.folder / 'webroot'}:{hadoop_jars()}/*"]
        settings = [f"-D{name}={value}" for name, value in properties.items()]
        return [java(), "-Xmx512m", *opened(), *settings, *path, "org.apache.oozie.server.EmbeddedOozieServer"]

    def remove_unfinished(self) -> None:
        """See Service."""
        shutil.rmtree(self.folder / "database", ignore_errors=True)

    def ready(self) -> bool:
        """See Service."""
        return answers(f"{URL}/v2/admin/status")

    def _share(self) -> None:
        """Put into HDFS what Oozie adds to each launcher, if it isn't there."""
        if self._hadoop.list(SHARE):
            return
        libraries = {
            "oozie": list(hadoop_jars().glob("oozie-sharelib-oozie-*.jar")),
            "spark": [
                *hadoop_jars().glob("oozie-sharelib-spark-*.jar"),
                *(spark_home() / "python" / "lib").glob("*.zip"),
            ],
        }
        for name, files in libraries.items():
            for file in files:
                self._hadoop.put(f"{SHARE}/lib_20260101000000/{name}/{file.name}", file.read_bytes())

    def _write_settings(self) -> None:
        folder, service = self.folder / "conf", "oozie.service"
        write_site(
            folder / "oozie-site.xml",
            {
                "oozie.http.hostname": "127.0.0.1",
                "oozie.http.port": PORT,
                "oozie.base.url": URL,
                # of its databases only this one keeps each commit when the server is killed
                f"{service}.JPAService.jdbc.driver": "org.apache.derby.jdbc.EmbeddedDriver",
                f"{service}.JPAService.jdbc.url": f"jdbc:derby:{self.folder / 'database'};create=true",
                f"{service}.JPAService.create.db.schema": "true",
                f"{service}.HadoopAccessorService.hadoop.configurations": "*=hadoop-conf",
                f"{service}.HadoopAccessorService.action.configurations": "*=action-conf",
                f"{service}.WorkflowAppService.system.libpath": f"{NAME_NODE}{SHARE}",
                # it acts within seconds rather than minutes, also for coordinators more frequent than each 5 minutes
                f"{service}.CoordMaterializeTriggerService.lookup.interval": 10,
                f"{service}.CoordMaterializeTriggerService.scheduling.interval": 10,
                f"{service}.ActionCheckerService.action.check.interval": 10,
                f"{service}.ActionCheckerService.action.check.delay": 30,
                f"{service}.coord.input.check.requeue.interval": 5000,
                f"{service}.coord.check.maximum.frequency": "false",
                # a resumed coordinator looks for its input again when this service finds it
                f"{service}.RecoveryService.interval": 10,
                f"{service}.RecoveryService.coord.older.than": 10,
                # a workflow's retry-max counts for an action's exit code too
                f"{service}.LiteWorkflowStoreService.user.retry.error.code.ext": "ALL",
                # done flags may lie on S3
                f"{service}.HadoopAccessorService.supported.filesystems": "hdfs,s3a",
                "oozie.launcher.default.memory.mb": 1024,
                "oozie.email.smtp.host": "127.0.0.1",
                "oozie.email.smtp.port": SMTP_PORT,
            },
        )
        write_site(
            folder / "hadoop-conf" / "core-site.xml",
            {
                "fs.defaultFS": NAME_NODE,
                "mapreduce.framework.name": "yarn",
                "yarn.resourcemanager.hostname": "localhost",
                "yarn.resourcemanager.address": RESOURCE_MANAGER,
                "yarn.resourcemanager.scheduler.address": "localhost:8030",
                "mapreduce.jobhistory.address": "localhost:10020",
                "yarn.application.classpath": "$HADOOP_COMMON_HOME/*",
                **self._cluster,
            },
        )
        # a <spark> action's launcher gets pyspark's jars, which hold a Hadoop client too, instead of the cluster's
        spark = {"oozie.launcher.yarn.application.classpath": "$STACK_PYSPARK/jars/*"}
        write_site(folder / "action-conf" / "spark.xml", spark)
        (folder / "oozie-log4j.properties").write_text(LOG4J, encoding="utf-8")


class Oozie(Group):
    """HDFS, YARN and an Oozie server. One at a time on a machine, since the ports are fixed."""

    url = URL
    name_node = NAME_NODE
    resource_manager = RESOURCE_MANAGER

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, cluster: Mapping[str, str] | None = None
    ) -> None:
        """`environment` reaches whatever the actions run; `cluster` is Hadoop's configuration for Oozie and its actions."""
        self.hdfs = Hadoop(folder / "hadoop", environment or {})
        self.server = OozieServer(folder / "oozie", self.hdfs, cluster or {})
        super().__init__(self.hdfs, self.server)
        self._held = contextlib.ExitStack()

    def start(self) -> Self:
        """Itself, ready to be used, when no other on this machine is; waits up to half an hour for that."""
        if not self.alive:
            self._held.enter_context(locked(cache_folder() / "oozie-ports.lock", patience_seconds=1800))
            began = time.monotonic()
            while taken := [port for port in (*PORTS, PORT) if listens(port)]:
                if time.monotonic() - began > 15 * busy():  # one that was killed may still be going
                    self._held.close()
                    raise ServiceError(f"Oozie's ports {taken} are taken by something else: end that.")
                time.sleep(0.2)
        return super().start()

    def stop(self) -> None:
        """End every part in order, and let another one start."""
        super().stop()
        self._held.close()

    def kill(self) -> None:
        """End every part at once (SIGKILL), and let another one start."""
        super().kill()
        self._held.close()

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What the command `oozie` said and its exit code."""
        quiet = self.server.folder / "conf" / "quiet"
        quiet.mkdir(exist_ok=True)
        (quiet / "log4j.properties").write_text("log4j.rootLogger=OFF\n", encoding="utf-8")
        command = [
            java(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            f"{quiet}:{hadoop_jars()}/*",
            "org.apache.oozie.cli.OozieCLI",
        ]
        return run([*command, *arguments], {"OOZIE_URL": URL}, timeout_seconds=120)

    def submit(self, properties: Mapping[str, str]) -> str:
        """The id of the job, started; `properties` name its application by oozie.{wf,coord,bundle}.application.path."""
        return json.loads(_ask("POST", "jobs?action=start", _configuration(properties)))["id"]

    def act(self, job: str, action: str, properties: Mapping[str, str] | None = None) -> None:
        """Suspend, resume, kill or rerun a job."""
        _ask("PUT", f"job/{job}?action={action}&user.name={USER}", _configuration(properties) if properties else None)

    def info(self, job: str) -> dict[str, Any]:
        """What Oozie knows of a job: `status`, `actions` and more, by Oozie's names."""
        return json.loads(_ask("GET", f"job/{job}?show=info&offset=1&len=1000"))

    def wait(self, job: str, timeout_seconds: float = 900) -> dict[str, Any]:
        """Its info once it has ended and none of its launchers runs any more: Oozie says KILLED before they're dead."""
        end = time.monotonic() + timeout_seconds
        while True:
            found = self.info(job)
            active = found["status"] in UNDER_WAY or any(
                action.get("externalStatus") in {"RUNNING", "SUBMITTED", "PREP"} for action in found["actions"]
            )
            if not active:
                return found
            if time.monotonic() > end:
                raise ServiceError(
                    f"{job} is {found['status']} after {timeout_seconds:.0f} s:\n{self.hdfs.container_logs()[-4000:]}"
                )
            time.sleep(0.3)


def _configuration(properties: Mapping[str, str]) -> bytes:
    common = {
        "user.name": USER,
        "nameNode": NAME_NODE,
        "resourceManager": RESOURCE_MANAGER,
        "oozie.use.system.libpath": "true",
    }
    lines = (
        f"<property><name>{n}</name><value>{escape(v)}</value></property>" for n, v in {**common, **properties}.items()
    )
    return f"<configuration>{''.join(lines)}</configuration>".encode()


def _ask(method: str, path: str, body: bytes | None = None) -> bytes:
    """What Oozie answers."""
    headers = {"Content-Type": "application/xml;charset=UTF-8"}
    request = urllib.request.Request(f"{URL}/v2/{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        with error:
            code, message = error.headers.get("oozie-error-code"), error.headers.get("oozie-error-message")
        raise ServiceError(f"Oozie refused {method} {path}: {code} {message}") from error
