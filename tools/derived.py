"""Writes the small files that every subject needs besides its script: its launcher, and its place in Airflow's DAG.

``make docs`` runs it; a test fails when what it would write isn't there. ``--check`` says what is stale, and writes nothing.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from learnfold import catalog  # noqa: E402 - this clone's, whatever is installed

LAUNCHERS = Path("batch_layer/jobs")
DAG = Path("deploy/airflow/learnfold_batch.py")
ENDING = "_batch_job.py"

_LAUNCHER = '''\
"""{about}

``python batch_layer/jobs/{job}_batch_job.py IN OUT``, or by spark-submit with ``--py-files dist/learnfold.zip``. Written by `make docs`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT))  # there batch_layer/config.py is found
try:
    from learnfold.cli.predecessor import main
except ModuleNotFoundError:  # a clone that isn't installed
    sys.path.insert(0, str(ROOT / "src"))
    from learnfold.cli.predecessor import main

if __name__ == "__main__":
    sys.exit(main("{job}"))
'''


def derived(root: Path = ROOT) -> dict[Path, str]:
    """The texts by path below ``root``."""
    jobs = catalog.load().jobs
    files = {
        LAUNCHERS / f"{job.name}{ENDING}": _LAUNCHER.format(job=job.name, about=job.comment) for job in jobs.values()
    }
    dag = (root / DAG).read_text("utf-8")
    for name, listed in (
        ("JOBS", [job.name for job in jobs.values() if not job.after]),
        ("AFTER", [job.name for job in jobs.values() if job.after]),
    ):
        texts = "".join(f'"{job}", ' for job in listed).rstrip(" " if len(listed) == 1 else ", ")
        dag = re.sub(rf"(?m)^{name} = \(.*?\)", f"{name} = ({texts})", dag)
    files[DAG] = dag
    return files


def left_over(root: Path = ROOT) -> list[Path]:
    """Launchers of subjects that are gone."""
    names = {f"{job}{ENDING}" for job in catalog.load().jobs}
    return sorted(LAUNCHERS / file.name for file in (root / LAUNCHERS).glob(f"*{ENDING}") if file.name not in names)


def main() -> int:
    """Writes what is stale, or says so by the exit code."""
    stale = {
        path: text
        for path, text in derived().items()
        if not (ROOT / path).exists() or (ROOT / path).read_text("utf-8") != text
    }
    for path in (*stale, *left_over()):
        print(path)
    if "--check" in sys.argv:
        return 1 if stale or left_over() else 0
    for path, text in stale.items():
        (ROOT / path).write_text(text, "utf-8")
    for path in left_over():
        (ROOT / path).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
