"""An OpenID Connect provider that we didn't write: npm's oidc-provider, which the OpenID Foundation certified."""

from pathlib import Path

from .cache import made
from .need import build, program
from .service import Service, answers, free_ports

VERSION = "9.13.3"
SCRIPT = Path(__file__).with_name("certified.mjs")


class Certified(Service):
    """One provider, which knows one client, and signs in whoever says a name, as a student."""

    name = "oidc-provider"

    def __init__(self, folder: Path, client: str, secret: str, back: str) -> None:
        super().__init__(folder)
        self.known = client, secret, back
        self.port = free_ports(1)[0]
        self.issuer = f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """See Service. Packages are looked for beside the script, so it is put beside them."""
        folder = certified()
        (folder / SCRIPT.name).write_text(SCRIPT.read_text("utf-8"), "utf-8")
        return [program("node", "oidc-provider"), str(folder / SCRIPT.name), str(self.port), *self.known]

    def ready(self) -> bool:
        """See Service."""
        return answers(f"{self.issuer}/.well-known/openid-configuration")


def certified() -> Path:
    """The folder of the provider's packages; the first time, npm fetches it."""

    def install(folder: Path) -> None:
        npm = program("npm", "Fetching oidc-provider")
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
        build([npm, "install", *options, f"oidc-provider@{VERSION}"])

    return made(f"oidc-provider-{VERSION}", install)
