"""Imported by processes whose children have to be quick: it compiles the kernels of an extraction."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import get_args

import extract_workers  # noqa: F401 - what the children need
import numpy as np
import parcel_cases

import s1card.cli_extract
import s1card.store.folder
import s1card.store.postgis  # noqa: F401
from s1card.parcels.extract import ExtractSettings, extract
from s1card.parcels.weights import Rule, compute_weights

with tempfile.TemporaryDirectory() as folder:
    grid = parcel_cases.grid_of(20, 20)
    path = parcel_cases.write_raster(Path(folder) / "a.tif", grid, np.ones(grid.shape, np.float32))
    parcels = parcel_cases.parcel_set([parcel_cases.shapely.box(600_010, 5_399_850, 600_090, 5_399_950)])
    for rule in get_args(Rule):
        extract(
            parcel_cases.source_of(parcel_cases.band_of(path)),
            partial(compute_weights, parcels, rule=rule),
            ExtractSettings(rule=rule),
        )
