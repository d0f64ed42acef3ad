"""What a reader of a format hands over, before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from s1card.parcels.records import Geometries


@dataclass(frozen=True, eq=False)
class Features:
    """All features of a source, in its order.

    Attributes:
        geometries: n shapely geometries without height; None where a feature has none, or an unreadable one.
        unreadable: n, whether a feature has a geometry that shapely cannot make.
        crs: Coordinate reference system as the source states it (authority code, WKT, PROJJSON); None if it does not.
        columns: Other columns by name, each as long as the features; see `s1card.parcels.columns`.
        feature_ids: The source's own numbers of features, or None.
        feature_id_column: Name of the column that holds these, empty where it has none.
        remarks: What the reader had to say.
    """

    geometries: Geometries
    unreadable: NDArray[np.bool_]
    crs: str | None
    columns: Mapping[str, NDArray[Any]]
    feature_ids: NDArray[np.int64] | None = None
    feature_id_column: str = ""
    remarks: Sequence[str] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.geometries)


def from_wkb(wkb: NDArray[np.object_]) -> tuple[Geometries, NDArray[np.bool_]]:
    """Geometries without height of well-known binary (None for none), and which could not be read."""
    geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    has_height = shapely.has_z(geometries)
    if has_height.any():
        geometries[has_height] = shapely.force_2d(geometries[has_height])
    unreadable = shapely.is_missing(geometries) & np.fromiter(
        (one is not None for one in wkb), bool, len(wkb)
    )
    return geometries, unreadable
