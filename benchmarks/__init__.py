"""How long things take: every benchmark is a module here, runs real commands as child processes, and checks their answers.

``python -m benchmarks [NAME …]`` runs them; see benchmarks/README.md.
"""

from __future__ import annotations

BENCHMARKS = (
    "full_run",
    "days",
    "start_up",
    "peers",
    "engines",
    "storage",
    "ingest",
    "statements",
    "serving",
    "speed",
    "ticks",
    "dashboard",
)
"""Every benchmark, in the order they are run; each is the module of that name, and its ``run(bench)`` runs it."""
