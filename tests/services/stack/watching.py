"""Prometheus, its Alertmanager and node_exporter, and a webhook that is told of alerts."""

import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from .debian import debian
from .need import missing
from .service import Service, answers, free_ports


def promtool() -> str:
    """The program that checks rules and metrics."""
    return str(debian("prometheus") / "usr" / "bin" / "promtool")


def amtool() -> str:
    """The program that checks Alertmanager's settings."""
    return str(debian("prometheus-alertmanager") / "usr" / "bin" / "amtool")


TEMPLATES = Path("usr/share/prometheus/alertmanager")
"""Debian's Alertmanager looks for its templates there and nowhere else."""


def _put(unpacked: Path, place: Path) -> None:
    """A link from where the package would install a folder to where it was unpacked; who may not make it, installs the package."""
    target = Path("/") / place
    if target.exists():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(unpacked / place)
    except FileExistsError:  # another test run did
        pass
    except OSError as error:
        missing(f"Alertmanager needs {target} ({error}): install Debian's prometheus-alertmanager.")


class _Http(Service):
    """A program with an address of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.port,) = free_ports(1)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"


class NodeExporter(_Http):
    """Serves the text files of a folder, and what the disks have free."""

    name = "node-exporter"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.texts = folder / "texts"
        self.texts.mkdir()

    def command(self) -> list[str]:
        """See Service."""
        exporter = debian("prometheus-node-exporter") / "usr" / "bin" / "prometheus-node-exporter"
        collectors = ["disable-defaults", "textfile", "filesystem", f"textfile.directory={self.texts}"]
        flags = [f"--collector.{collector}" for collector in collectors]
        return [str(exporter), f"--web.listen-address={self.address}", *flags]

    def ready(self) -> bool:
        """See Service."""
        return answers(f"http://{self.address}/metrics")


class Alertmanager(_Http):
    """Sends the alerts of one Prometheus on."""

    name = "alertmanager"

    def __init__(self, folder: Path, settings: Path) -> None:
        super().__init__(folder)
        self.settings = settings

    def command(self) -> list[str]:
        """See Service."""
        unpacked = debian("prometheus-alertmanager")
        _put(unpacked, TEMPLATES)
        return [
            str(unpacked / "usr" / "bin" / "prometheus-alertmanager"),
            f"--config.file={self.settings}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]

    def ready(self) -> bool:
        """See Service."""
        return answers(f"http://{self.address}/-/ready")


class Prometheus(_Http):
    """Scrapes and evaluates as its settings say."""

    name = "prometheus"

    def __init__(self, folder: Path, settings: Path) -> None:
        super().__init__(folder)
        self.settings = settings

    def command(self) -> list[str]:
        """See Service."""
        return [
            str(debian("prometheus") / "usr" / "bin" / "prometheus"),
            f"--config.file={self.settings}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
        ]

    def ready(self) -> bool:
        """See Service."""
        return answers(f"http://{self.address}/-/ready")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        text = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{self.address}/api/v1/query?{text}", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


class Webhook:
    """What Alertmanager told, in order."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.extend(content.get("alerts", [content]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def status(self, alert: str, **labels: str) -> str:
        """Firing or resolved, as it was told last; empty: never told."""
        for one in reversed(self.told):
            if one["labels"].items() >= {"alertname": alert, **labels}.items():
                return str(one["status"])
        return ""

    def wait(self, alert: str, seconds: float = 240.0, **labels: str) -> None:
        """Until it was told that the alert fires, whatever was told since; fails with all that was told when it isn't."""
        fired = {"alertname": alert, **labels}.items()
        until(
            lambda: any(one["status"] == "firing" and one["labels"].items() >= fired for one in self.told),
            seconds,
            lambda: f"{alert} {labels}: {self._short()}",
        )

    def _short(self) -> list[tuple[str, dict[str, str]]]:
        return [(one["status"], one["labels"]) for one in self.told]


def until(done: Callable[[], object], seconds: float, why: Callable[[], str]) -> None:
    """Waits until it is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {why()}"
        time.sleep(0.2)
