"""Fixtures that every test layer may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a test may compile kernels, and every run has to give the same verdict.
settings.register_profile("s1card", deadline=None, derandomize=True)
settings.load_profile("s1card")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real Sentinel-1 material and SNAP outputs, which is not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference material in ../shared, which is not part of the repository")
    return SHARED
