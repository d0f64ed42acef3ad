"""Synthetic Sentinel-1 products with known truth."""

from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.faults import break_product
from s1card.simulate.grd import simulate_grd

__all__ = ["GrdConfig", "SimulatedScene", "break_product", "simulate_grd"]
