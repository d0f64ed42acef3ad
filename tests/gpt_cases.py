"""What the tests of s1card-gpt share: calling it, and looking at what it wrote."""

from __future__ import annotations

import io
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from s1card.cli_gpt import run


def gpt(*words: object) -> subprocess.CompletedProcess[str]:
    """Run s1card-gpt in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(word) for word in words])
    return subprocess.CompletedProcess([*map(str, words)], code, out.getvalue(), err.getvalue())


def done(*words: object) -> str:
    """Run s1card-gpt, which has to succeed; its output."""
    result = gpt(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refusal(*words: object) -> str:
    """Run s1card-gpt, which has to fail; its message."""
    result = gpt(*words)
    assert result.returncode == 1
    return result.stderr.strip()


def image(path: Path) -> NDArray[Any]:
    """Samples of the first band of a raster."""
    with rasterio.open(path) as raster:
        values: NDArray[Any] = raster.read(1)
    return values


def same(first: Path, second: Path) -> bool:
    """Whether two rasters have the same samples, NaN where the other has it."""
    return bool(np.array_equal(image(first), image(second), equal_nan=True))
