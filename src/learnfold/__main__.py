"""``python -m learnfold`` is ``learnfold``."""

import sys

from learnfold.cli import main

sys.exit(main())
