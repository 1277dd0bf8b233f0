"""What teachers ask: who needs a look and why, where a class stands, what changes from week to week. Made of the other subjects.

``python batch_layer/jobs/insight_batch_job.py IN OUT``, or by spark-submit with ``--py-files dist/learnfold.zip``. Written by `make docs`.
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
    sys.exit(main("insight"))
