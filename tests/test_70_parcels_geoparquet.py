"""Parcels from GeoParquet."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from parcel_files import AMERSFOORT, square, squares
from pyproj import CRS

from s1card.errors import DataError
from s1card.parcels.source import read_parcels

KEEP = object()


def write(
    path: Path, columns: dict[str, Any], shapes: list[shapely.Geometry | None], crs: Any = KEEP, **about: Any
) -> str:
    """Write a file; without a CRS its metadata do not speak of one."""
    facts: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], **about}
    if crs is not KEEP:
        facts["crs"] = CRS.from_user_input(crs).to_json_dict() if crs else None
    geo = {"version": "1.1.0", "primary_column": "shape", "columns": {"shape": facts}}
    wkb = [None if shape is None else shapely.to_wkb(shape) for shape in shapes]
    table = pa.table({**columns, "shape": pa.array(wkb, pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return str(path)


def test_system_is_that_of_the_metadata(tmp_path: Path) -> None:
    location = write(tmp_path / "p.parquet", {"id": ["01", "1"]}, squares(2), AMERSFOORT)
    parcels = read_parcels(location).parcels
    assert parcels.crs == AMERSFOORT
    assert parcels.ids.tolist() == ["01", "1"]
    assert shapely.to_wkb(parcels.geometries).tolist() == shapely.to_wkb(squares(2)).tolist()


def test_without_system_coordinates_are_longitude_and_latitude(tmp_path: Path) -> None:
    location = write(tmp_path / "p.parquet", {"id": ["a"]}, [square(5, 52, 0.001)])
    assert read_parcels(location).parcels.crs == "OGC:CRS84"


def test_a_system_that_nobody_knows_has_to_be_stated(tmp_path: Path) -> None:
    location = write(tmp_path / "p.parquet", {"id": ["a"]}, squares(1), None)
    with pytest.raises(DataError, match=r"does not state its coordinate reference system\. .*--parcels-crs"):
        read_parcels(location)
    assert read_parcels(location, crs=AMERSFOORT).parcels.crs == AMERSFOORT


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([2**63 - 1, 7, None], pa.int64()), [str(2**63 - 1), "7"]),
        (pa.array([2**64 - 1, 0, 1], pa.uint64()), [str(2**64 - 1), "0"]),
        (pa.array([Decimal("12345678901234567890.00"), Decimal("1.50"), None], pa.decimal128(38, 2)),
         ["12345678901234567890", "1.50"]),
        (pa.array([12.0, 1.25, None]), ["12", "1.25"]),
        (pa.array(["007", "7", None]).dictionary_encode(), ["007", "7"]),
        (pa.array(["007", "7", None], pa.large_string()), ["007", "7"]),
        (pa.array([b"\x00\xff", b"\x01", None], pa.binary()), ["00ff", "01"]),
    ],
)  # fmt: skip
def test_ids_of_every_type_are_exact(tmp_path: Path, column: pa.Array, texts: list[str]) -> None:
    location = write(tmp_path / "p.parquet", {"key": column}, [*squares(2), None], AMERSFOORT)
    assert read_parcels(location, id_column="key").parcels.ids.tolist() == texts


def test_attributes_have_few_types(tmp_path: Path) -> None:
    columns = {
        "id": ["a", "b"],
        "whole": pa.array([1, 2], pa.int32()),
        "partly": pa.array([2, None], pa.int64()),
        "yes": [True, False],
        "money": [Decimal("1.5"), None],
        "day": [date(2023, 5, 6), None],
        "moment": pa.array([datetime(2023, 5, 6, 7, tzinfo=UTC), None], pa.timestamp("ms", "Europe/Paris")),
        "crop": pa.array(["x", None]).dictionary_encode(),
        "list": [[1, 2], None],
        "bbox": [{"xmin": 0.0}, {"xmin": 1.0}],
    }
    covering = {"bbox": {"xmin": ["bbox", "xmin"]}}
    location = write(tmp_path / "p.parquet", columns, squares(2), AMERSFOORT, covering=covering)
    found = read_parcels(location).parcels.attributes
    assert set(found) == set(columns) - {"id", "bbox"}
    assert found["whole"].dtype == np.int32
    assert found["partly"][0] == 2 and np.isnan(found["partly"][1])
    assert found["yes"].tolist() == [True, False]
    assert found["money"][0] == 1.5 and np.isnan(found["money"][1])
    assert str(found["day"][0]) == "2023-05-06" and np.isnat(found["day"][1])
    assert found["moment"][0] == np.datetime64("2023-05-06T07:00") and np.isnat(found["moment"][1])
    assert found["crop"].tolist() == ["x", None]
    assert found["list"].tolist() == ["[1, 2]", None]


def test_a_folder_of_files_is_one_source(tmp_path: Path) -> None:
    folder = tmp_path / "parcels"
    folder.mkdir()
    for k, shape in enumerate(squares(3)):
        write(folder / f"part-{k}.parquet", {"id": [f"p{k}"]}, [shape], AMERSFOORT)
    parcels = read_parcels(str(folder)).parcels
    assert parcels.ids.tolist() == ["p0", "p1", "p2"]
    assert parcels.crs == AMERSFOORT


def test_wrong_files_are_errors_that_name_them(tmp_path: Path) -> None:
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"id": ["a"]}), plain)
    with pytest.raises(DataError, match=r"plain\.parquet: it is Parquet, but not GeoParquet"):
        read_parcels(str(plain))
    native = write(tmp_path / "native.parquet", {"id": ["a"]}, squares(1), AMERSFOORT, encoding="polygon")
    with pytest.raises(DataError, match=r"native\.parquet: geometries are in encoding polygon"):
        read_parcels(native)
    whole = Path(write(tmp_path / "cut.parquet", {"id": ["a"]}, squares(1), AMERSFOORT))
    whole.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"cut\.parquet: Parquet cannot be read"):
        read_parcels(str(whole))
    with pytest.raises(DataError, match=r"none\.parquet: Parquet cannot be read"):
        read_parcels(str(tmp_path / "none.parquet"))
    damaged = tmp_path / "damaged.parquet"
    pq.write_table(pa.table({"id": ["a"]}).replace_schema_metadata({"geo": '{"columns": {}}'}), damaged)
    with pytest.raises(DataError, match=r"damaged\.parquet: its geo metadata are damaged"):
        read_parcels(str(damaged))


def test_bytes_that_are_no_geometry_are_reported(tmp_path: Path) -> None:
    location = write(tmp_path / "p.parquet", {"id": ["a", "b"]}, squares(2), AMERSFOORT)
    table = pq.read_table(location)
    good = table["shape"].to_pylist()[0]
    pq.write_table(table.set_column(1, "shape", pa.array([good, b"\x01\x02"])), location)
    reading = read_parcels(location)
    assert reading.parcels.ids.tolist() == ["a"]
    assert [(one.id, one.reason) for one in reading.skipped] == [("b", "unreadable geometry")]
