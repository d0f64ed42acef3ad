"""Fixtures that every test layer may use, and how several processes share the files of tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyrosar_environment
import pytest
from hypothesis import settings

# The first example of a test may compile kernels, and every run has to give the same verdict.
settings.register_profile("s1card", deadline=None, derandomize=True)
settings.load_profile("s1card")

# The many processes that tests start would compile the same modules again and again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

SHARED = Path(__file__).resolve().parents[2] / "shared"
PYROSAR = "test_90_end_to_end_pyrosar.py"
# Files that take longest: begun last, one of them would run alone. The first mostly waits, the second has many kernels,
# the third others; pyroSAR's comes when its environment can be there.
LONGEST = (
    "test_90_end_to_end_image.py",
    "test_90_end_to_end_graphs.py",
    "test_90_end_to_end_extract_faults.py",
    "test_90_end_to_end_slurm.py",
    "test_90_end_to_end_gpt_engine.py",
    "test_90_end_to_end_pair_accuracy.py",
    "test_90_end_to_end_rtc.py",
    "test_90_end_to_end_interruption.py",
    "test_90_end_to_end_footprint.py",
    "test_90_end_to_end_demo.py",
    PYROSAR,
    "test_90_end_to_end_gpt.py",
    "test_90_end_to_end_pairs.py",
    "test_75_store_postgis_faults.py",
    "test_75_store_folder_faults.py",
)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real Sentinel-1 material and SNAP outputs, which is not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference material in ../shared, which is not part of the repository")
    return SHARED


def pytest_configure(config: pytest.Config) -> None:
    """Let several processes take files in our order, and compile each kernel once."""
    config.option.loadscopereorder = False  # xdist would begin with files of most tests, however short
    if _worker(config):
        from kernel_turns import compile_in_turn

        assert config.cache is not None
        compile_in_turn(config.cache.mkdir("kernels"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first where several processes take them."""
    if _worker(config):
        ranks = {name: rank for rank, name in enumerate(LONGEST)}
        items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have pyroSAR's environment made while other tests run: it comes over the network."""
    config = session.config
    wanted = any(item.path.name == PYROSAR for item in session.items) and not config.option.collectonly
    if wanted and _worker(config) in ("", "gw0"):
        assert config.cache is not None
        command = [
            sys.executable,
            pyrosar_environment.__file__,
            config.cache.mkdir(pyrosar_environment.CACHE),
        ]
        silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        config.add_cleanup(subprocess.Popen(command, **silent).wait)


def _worker(config: pytest.Config) -> str:
    """The name of this process among those of xdist, or nothing."""
    return str(getattr(config, "workerinput", {}).get("workerid", ""))
