"""Programs that Debian has as packages: fetched and unpacked once into the cache, installed nowhere."""

from pathlib import Path

from .cache import made
from .need import build, missing, program
from .process import run


def debian(package: str) -> Path:
    """The folder that holds what the package would install; without apt, or without the package, the test is skipped."""

    def fetch(folder: Path) -> None:
        apt, unpack = program("apt-get", package), program("dpkg-deb", package)
        command = [apt, "download", "-q", package]
        if run(command, folder=folder).returncode:  # the lists may be old, or not there yet
            build([apt, "update", "-q"])
            done = run(command, folder=folder)
            if done.returncode:
                missing(f"Debian's package {package} can't be fetched:\n{done.stderr[-1000:]}")
        (archive,) = folder.glob("*.deb")
        build([unpack, "-x", str(archive), str(folder)])
        archive.unlink()

    return made(f"debian-{package}", fetch)
