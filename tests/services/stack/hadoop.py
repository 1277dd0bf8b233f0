"""Hadoop: HDFS and YARN in one JVM, fitted to Oozie; its ports are fixed."""

import getpass
import json
import os
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from .need import jars, java_home
from .service import Service, ServiceError
from .spark import spark_home

POM = Path(__file__).parent / "oozie_jars" / "pom.xml"
USER = getpass.getuser()
NAME_NODE = "hdfs://localhost:8020"
RESOURCE_MANAGER = "localhost:8032"
WEBHDFS = "http://127.0.0.1:9870/webhdfs/v1"
PORTS = (8020, 8030, 8031, 8032, 8033, 8088, 9870, 10020, 10033, 19888)
LOG4J = """\
log4j.rootLogger=INFO,log
log4j.appender.log=org.apache.log4j.ConsoleAppender
log4j.appender.log.target=System.err
log4j.appender.log.layout=org.apache.log4j.PatternLayout
log4j.appender.log.layout.ConversionPattern=%d{ISO8601} %-5p %c{2} - %m%n
"""
# What Hadoop 3.3 and Oozie reach into, and a JDK 17 has closed
OPENED = (
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
)


def opened() -> list[str]:
    """The options by which a JDK 17 lets Hadoop, Oozie and Spark run."""
    return [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]


def java() -> str:
    """The program's path."""
    return str(java_home("Oozie") / "bin" / "java")


def hadoop_jars() -> Path:
    """The folder of the jars of Hadoop and Oozie, fetched once."""
    return jars("oozie", POM)


def write_site(file: Path, properties: Mapping[str, object]) -> None:
    """Write a settings file as Hadoop and Oozie read it."""
    lines = [
        f"  <property><name>{name}</name><value>{escape(str(value))}</value></property>"
        for name, value in properties.items()
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(["<configuration>", *lines, "</configuration>", ""]), encoding="utf-8")


class Hadoop(Service):
    """HDFS with one data node, YARN with one node manager. What runs in YARN's containers ends with it."""

    name = "hadoop"
    patience_seconds = 180.0
    grace_seconds = 10.0

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """`environment` reaches whatever runs in a container."""
        super().__init__(folder)
        self._containers = dict(environment)
        self._details = self.folder / "details.json"

    def command(self) -> list[str]:
        """See Service."""
        self._write_settings()
        self._details.unlink(missing_ok=True)
        cluster = "org.apache.hadoop.mapreduce.MiniHadoopClusterManager"
        ports = ["-nnport", "8020", "-nnhttpport", "9870", "-rmport", "8032", "-jhsport", "10020"]
        fresh = [] if (self.folder / "hdfs" / "dfs").exists() else ["-format"]
        path = f"{self.folder / 'conf'}:{hadoop_jars()}/*"
        own = ["-Xmx768m", f"-Dtest.build.data={self.folder / 'hdfs'}", "-cp", path]
        return [java(), *own, cluster, *fresh, *ports, "-writeDetails", str(self._details)]

    def environment(self) -> dict[str, str]:
        """See Service."""
        home = java_home("Oozie")
        for_java = [*opened(), "-Djava.security.manager=allow", "-Djdk.reflect.useDirectMethodHandle=false"]
        for_java += [
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
        ]  # none runs long: compiling well takes longer than it saves
        return {
            **self._containers,
            "JAVA_HOME": str(home),
            "JDK_JAVA_OPTIONS": " ".join(for_java),
            "HADOOP_COMMON_HOME": str(hadoop_jars()),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(home / "bin"), os.environ.get("PATH", "")]),
            "PYSPARK_PYTHON": sys.executable,
            "STACK_PYSPARK": str(spark_home()),
        }

    def remove_unfinished(self) -> None:
        """See Service."""
        shutil.rmtree(self.folder / "hdfs", ignore_errors=True)

    def ready(self) -> bool:
        """See Service."""
        return self._details.exists() and self._details.stat().st_size > 0

    def _write_settings(self) -> None:
        folder = self.folder / "conf"
        proxy = f"hadoop.proxyuser.{USER}"
        write_site(folder / "core-site.xml", {f"{proxy}.hosts": "*", f"{proxy}.groups": "*"})
        passed = ["LANG", *self.environment()]
        write_site(
            folder / "yarn-site.xml",
            {
                "yarn.minicluster.fixed.ports": "true",
                "yarn.minicluster.yarn.nodemanager.resource.memory-mb": 8192,
                "yarn.nodemanager.resource.memory-mb": 8192,
                "yarn.nodemanager.resource.cpu-vcores": 16,
                "yarn.scheduler.minimum-allocation-mb": 256,
                "yarn.nodemanager.pmem-check-enabled": "false",
                "yarn.nodemanager.vmem-check-enabled": "false",
                "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99,
                "yarn.nodemanager.delete.debug-delay-sec": 3600,  # the containers' logs stay
                "yarn.nodemanager.env-whitelist": ",".join(passed),
                "yarn.resourcemanager.hostname": "localhost",
                "yarn.resourcemanager.bind-host": "127.0.0.1",
                "yarn.nodemanager.bind-host": "127.0.0.1",
                "yarn.resourcemanager.webapp.address": "localhost:8088",
                "mapreduce.jobhistory.bind-host": "127.0.0.1",
                "mapreduce.jobhistory.admin.address": "localhost:10033",
                "mapreduce.jobhistory.webapp.address": "localhost:19888",
            },
        )
        queue = "yarn.scheduler.capacity.root"
        write_site(
            folder / "capacity-scheduler.xml",
            {
                f"{queue}.queues": "default",
                f"{queue}.default.capacity": 100,
                # each action's launcher is an application master: by the default of 0.1 one would run at a time
                "yarn.scheduler.capacity.maximum-am-resource-percent": "1.0",
                f"{queue}.default.maximum-am-resource-percent": "1.0",
            },
        )
        (folder / "log4j.properties").write_text(LOG4J, encoding="utf-8")

    def put(self, path: str, content: bytes) -> None:
        """Write a file of HDFS, over one that was there; its folders are made."""
        where = json.loads(_ask("PUT", path, op="CREATE", overwrite="true", noredirect="true"))["Location"]
        request = urllib.request.Request(where, content, {"Content-Type": "application/octet-stream"}, method="PUT")
        with urllib.request.urlopen(request, timeout=60):
            pass

    def put_folder(self, path: str, folder: Path) -> None:
        """Write every file of a local folder below a folder of HDFS."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.put(f"{path}/{file.relative_to(folder)}", file.read_bytes())

    def read(self, path: str) -> bytes:
        """A file's content."""
        return _ask("GET", path, op="OPEN")

    def list(self, path: str) -> list[str]:
        """The names in a folder, sorted; none if there is no such folder."""
        try:
            found = json.loads(_ask("GET", path, op="LISTSTATUS"))["FileStatuses"]["FileStatus"]
        except FileNotFoundError:
            return []
        return sorted(status["pathSuffix"] for status in found)

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it."""
        _ask("DELETE", path, op="DELETE", recursive="true")

    def container_logs(self) -> str:
        """What every container wrote so far, with the names of the files: why an action failed is said here."""
        files = sorted(file for file in self.folder.rglob("container_*/std*") if file.stat().st_size)
        return "\n".join(f"== {file}\n{file.read_text(encoding='utf-8', errors='replace')}" for file in files)


def _ask(method: str, path: str, **parameters: str) -> bytes:
    """What WebHDFS answers."""
    query = urllib.parse.urlencode({**parameters, "user.name": USER})
    request = urllib.request.Request(f"{WEBHDFS}{urllib.parse.quote(path)}?{query}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        with error:
            said = error.read().decode(errors="replace")
        if error.code == 404:
            raise FileNotFoundError(path) from error
        raise ServiceError(f"HDFS refused {method} {path}: {said}") from error
