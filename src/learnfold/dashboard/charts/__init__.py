"""Pictures of numbers: SVG and HTML, made on the server, without script and without styles of their own.

Each has a twin beside it on its page, as a table or a text.
"""

from __future__ import annotations

from learnfold.dashboard.charts.bars import bars
from learnfold.dashboard.charts.cohorts import cohorts
from learnfold.dashboard.charts.funnel import funnel
from learnfold.dashboard.charts.gauge import gauge, progress
from learnfold.dashboard.charts.heat import HeatRow, heat, key
from learnfold.dashboard.charts.lines import Line, lines
from learnfold.dashboard.charts.ranking import ranking
from learnfold.dashboard.charts.scatter import Dot, scatter
from learnfold.dashboard.charts.spark import spark
from learnfold.dashboard.charts.strip import half_left, strip

__all__ = [
    "Dot",
    "HeatRow",
    "Line",
    "bars",
    "cohorts",
    "funnel",
    "gauge",
    "half_left",
    "heat",
    "key",
    "lines",
    "progress",
    "ranking",
    "scatter",
    "spark",
    "strip",
]
