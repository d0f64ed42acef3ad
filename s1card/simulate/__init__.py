"""Synthetic Sentinel-1 products with known truth."""

from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.grd import simulate_grd

__all__ = ["GrdConfig", "SimulatedScene", "simulate_grd"]
