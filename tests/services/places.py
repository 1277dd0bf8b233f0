"""Places to store at: a folder, and a bucket of each real S3 server."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from learnfold.settings import Settings
from learnfold.storage import Storage, open_storage
from services.stack.s3 import S3Server

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Place:
    """A URL, and the environment in which it is reached."""

    url: str
    environment: dict[str, str] = field(default_factory=dict)
    server: S3Server | None = None

    def settings(self, **more: object) -> Settings:
        """The settings of the place, with more of them."""
        return Settings.read(self.environment, **more)

    def open(self, **more: object) -> Storage:
        """The storage, opened anew."""
        return open_storage(self.url, self.settings(**more))

    def below(self, name: str, scheme: str = "s3") -> Place:
        """Another place within it, by the other spelling of its scheme if asked."""
        url = self.url.replace("s3://", f"{scheme}://") if self.server else self.url
        return Place(f"{url}/{name}", self.environment, self.server)

    def through(self, endpoint: str, **more: str) -> Place:
        """The same place by another address."""
        return Place(self.url, {**self.environment, "AWS_ENDPOINT_URL": endpoint, **more}, self.server)

    def python(self, code: str, *arguments: object, **more: str) -> subprocess.Popen[str]:
        """A process of its own that runs ``code`` in the place's environment, with ``arguments`` from sys.argv[1]."""
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=self.process_environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process_environment(self, **more: str) -> dict[str, str]:
        """The environment of a process that reaches the place."""
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
        return {**os.environ, **self.environment, "PYTHONPATH": path, **more}


def bucket(server: S3Server) -> Place:
    """A new bucket's folder, with a space in its name."""
    return Place(f"s3://{server.new_bucket()}/a folder/{secrets.token_hex(4)}", server.aws_environment(), server)


@pytest.fixture(params=["folder", "minio", "seaweed"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind."""
    if request.param == "folder":
        return Place(str(tmp_path / "a folder"))
    return bucket(request.getfixturevalue(request.param))


@pytest.fixture(params=["minio", "seaweed"])
def s3_place(request: pytest.FixtureRequest) -> Place:
    """An empty place on each S3 server."""
    return bucket(request.getfixturevalue(request.param))
