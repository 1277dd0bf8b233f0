"""MinIO, the seed's object store: its server is built once from its Go module."""

from pathlib import Path

from .cache import made
from .need import build, program
from .s3 import S3Server
from .service import answers

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"  # the last one before it was archived


class Minio(S3Server):
    """One MinIO server on one folder. Conditional puts are atomic; it ignores conditions on a DELETE."""

    name = "minio"

    def command(self) -> list[str]:
        """See Service."""
        return [str(minio()), "server", "--quiet", "--address", f"127.0.0.1:{self.port}", str(self.data)]

    def environment(self) -> dict[str, str]:
        """See Service."""
        return {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_PROMETHEUS_AUTH_TYPE": "public",
        }

    def ready(self) -> bool:
        """See Service."""
        return answers(f"{self.endpoint}/minio/health/ready") and self.serves()


def minio() -> Path:
    """The server's program; the first time, Go builds it in some minutes."""

    def install(folder: Path) -> None:
        go = program("go", "Building MinIO")
        environment = {"GOBIN": str(folder), "CGO_ENABLED": "0"}
        build([go, "install", "-trimpath", "-ldflags", "-s -w", f"{MODULE}@{VERSION}"], environment)

    return made(f"minio-{VERSION.rpartition('-')[2]}", install) / "minio"
