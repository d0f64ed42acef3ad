"""Synthetic Sentinel-1 products with known truth."""

from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.faults import break_product
from s1card.simulate.grd import simulate_grd
from s1card.simulate.slc.config import SimulatedPair, SlcPairConfig
from s1card.simulate.slc.pair import simulate_slc_pair
from s1card.simulate.slc.truth import PairTruth, open_truth

__all__ = [
    "GrdConfig",
    "PairTruth",
    "SimulatedPair",
    "SimulatedScene",
    "SlcPairConfig",
    "break_product",
    "open_truth",
    "simulate_grd",
    "simulate_slc_pair",
]
