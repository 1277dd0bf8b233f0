"""What learnfold writes gets the permissions that the umask of whoever runs it leaves: no more and no less."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CSV = "event_id,event_type,user_id,timestamp\n{n},LOGIN,someone,2025-09-03 10:00:00\n{n}0,LOGIN,other,yesterday\n"
COMMANDS = """
generate made/master --events 500 --days 4 --malformed 0.02
ingest auth-1.csv --into made/master
ingest auth-2.csv --into made/master
run made/master made/out --job auth
compact made/master --topic auth_topic --foreign --mark-closed
run made/master made/out --job auth
rollback made/out
erase someone made/master made/out --yes
oozie --write made/oozie
"""
RUN = "import sys; from learnfold.cli import main; sys.exit(max(main(line.split()) for line in sys.stdin if line.strip()))"


@pytest.mark.parametrize("umask", [0o002, 0o077], ids="{:03o}".format)
def test_every_file_and_folder_has_the_umasks_permissions(umask: int, tmp_path: Path) -> None:
    """Of a generated dataset, ingested files, compactions, batches, metrics, the cache, erasures and rollbacks."""
    made = tmp_path / "made"
    for number in (1, 2):
        (tmp_path / f"auth-{number}.csv").write_text(CSV.format(n=number), encoding="utf-8")
    environment = {
        "LEARNFOLD_METRICS_FILE": str(made / "metrics" / "file.prom"),
        "LEARNFOLD_CACHE": str(made / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=COMMANDS,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        umask=umask,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in made.iterdir()} == {"master", "out", "metrics", "cache", "oozie"}
    modes = {path: f"{path.stat().st_mode & 0o777:o}" for path in made.rglob("*")}
    expected = {path: f"{(0o777 if path.is_dir() else 0o666) & ~umask:o}" for path in modes}
    assert expected == modes
