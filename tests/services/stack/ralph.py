"""Ralph, a learning record store, from its package `ralph-malph`, in an environment of its own; it keeps its statements in a file.

`locks/ralph.txt` is what `uv pip compile --universal --generate-hashes` makes of `ralph-malph[backend-lrs,cli,lrs]` and `requests`.
"""

import base64
import hashlib
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from .cache import made
from .need import build
from .service import Service, answers, free_ports

LOCK = Path(__file__).parents[3] / "locks" / "ralph.txt"
KEY, SECRET = "key", "secret"
HASH = "$2b$04$iA4xA0xRk2m9w2RHpc8NG.STj9NqwPpmtLdXAV40Cyqm7AjCLdm.2"
"""Of the secret, as Ralph keeps it."""


class Ralph(Service):
    """One LRS of a single process; ``page`` is the most statements that it gives at once."""

    name = "ralph"

    def __init__(self, folder: Path, page: int) -> None:
        super().__init__(folder)
        self._page, (self.port,) = page, free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}/xAPI"
        self.statements = self.folder / "data" / "fs_lrs.jsonl"
        self.statements.parent.mkdir()

    def command(self) -> list[str]:
        """See Service."""
        user = {"username": KEY, "hash": HASH, "scopes": ["all"], "agent": {"mbox": "mailto:lrs@example.org"}}
        (self.folder / "auth.json").write_text(json.dumps([user]), encoding="utf-8")
        return [str(python()), "-m", "uvicorn", "ralph.api:app", "--host", "127.0.0.1", "--port", str(self.port)]

    def environment(self) -> dict[str, str]:
        """See Service."""
        return {
            "RALPH_APP_DIR": str(self.folder / "app"),
            "RALPH_AUTH_FILE": str(self.folder / "auth.json"),
            "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(self.statements.parent),
            "RALPH_RUNSERVER_BACKEND": "fs",
            "RALPH_RUNSERVER_MAX_SEARCH_HITS_COUNT": str(self._page),
        }

    def ready(self) -> bool:
        """See Service."""
        return answers(f"http://127.0.0.1:{self.port}/__lbheartbeat__")

    def post(self, statements: list[dict[str, Any]]) -> None:
        """Stores statements as a platform sends them. Ralph's file takes one such request; ``append`` adds more."""
        login = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        data = json.dumps(statements).encode()
        request = urllib.request.Request(f"{self.url}/statements", data, headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200

    def append(self, statements: list[dict[str, Any]], stored: str) -> None:
        """Adds statements to the file that it answers from, stored at that time."""
        with self.statements.open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(one | {'stored': stored})}\n" for one in statements)


def python() -> Path:
    """The Python of an environment with Ralph, made once: about half a minute, 100 MB."""

    def install(folder: Path) -> None:
        build([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        build([*pip, "--require-hashes", "-r", str(LOCK)])

    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return made(f"ralph-{digest}", install) / "bin" / "python"
