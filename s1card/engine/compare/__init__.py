"""Compare what engines made: finished outputs, or one graph on several engines."""

from __future__ import annotations

from s1card.engine.compare.engines import EngineRun, compare_runs, run_on
from s1card.engine.compare.outputs import Options, compare_outputs, compare_rasters
from s1card.engine.compare.records import BandReport, ProductReport
from s1card.engine.compare.shift import Shift
from s1card.engine.compare.tolerances import Limit, violations

__all__ = [
    "BandReport",
    "EngineRun",
    "Limit",
    "Options",
    "ProductReport",
    "Shift",
    "compare_outputs",
    "compare_rasters",
    "compare_runs",
    "run_on",
    "violations",
]
