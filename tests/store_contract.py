"""What every store has to do, whatever it is made of.

A test module derives a class from `StoreContract` and gives two fixtures: ``store``, a new store that has not been
initialised, and ``reopened``, a function that opens the same place once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from pyproj import Geod

from s1card.errors import S1CardError, UsageError
from s1card.parcels.records import (
    EXTRA_STATISTICS,
    REASONS,
    STATISTICS,
    BandSignatures,
    Extraction,
    Histograms,
    Observation,
    ParcelSet,
)
from s1card.store import Store
from s1card.store.base import EXTRACTED, NO_PARCELS, SeriesQuery

TIME = datetime(2021, 3, 4, 5, 24, 36, 250_000)
IDS = ("007", "7", "0042", "it's", "small", "far")
SERIES_COLUMNS = [
    "obstime",
    "band",
    "count",
    "mean",
    "std",
    "min",
    "p25",
    "p50",
    "p75",
    "max",
    "valid",
    "mean_db",
    "enl",
    "inc",
    "reason",
    "card",
    "sensor",
    "orbit_direction",
    "relative_orbit",
    "reference",
]
CATALOGUE_COLUMNS = [
    "id",
    "obstime",
    "reference",
    "sensor",
    "card",
    "status",
    "footprint",
    "orbit_direction",
    "relative_orbit",
    "pair_sensor",
    "pair_time",
    "source",
    "checksum",
]


def square(x: float, y: float, side: float = 100.0) -> shapely.Polygon:
    return shapely.box(x, y, x + side, y + side)


def make_parcels() -> ParcelSet:
    """Four parcels in a row 50, 250 and 850 m from the first, a small one, and one that is far; number 4 is missing."""
    hole = shapely.Polygon(
        square(500_000, 5_000_000).exterior, [square(500_040, 5_000_040, 20).exterior.coords]
    )
    multi = shapely.MultiPolygon([square(500_350, 5_000_000), square(500_350, 5_000_200)])
    geometries = np.empty(6, object)
    geometries[:] = [
        hole,
        square(500_150, 5_000_000),
        multi,
        square(500_950, 5_000_000),
        square(500_000, 5_000_150, 50),
        square(540_000, 5_000_000),
    ]
    return ParcelSet(
        pid=np.array([1, 2, 3, 5, 6, 7], np.int32),
        ids=np.array(IDS, object),
        geometries=geometries,
        crs="EPSG:32632",
        attributes={
            "crop": np.array(["wheat", "maize", "wheat", "wheat", None, "maize"], object),
            "code": np.array([11, 22, 11, 33, 44, 22], np.int64),
            "area": np.array([1.0, 1.0, 2.0, 1.0, np.nan, 1.0]),
            "organic": np.array([True, False, True, True, False, False]),
            "sown": np.array(["2020-10-01"] * 5 + ["NaT"], "datetime64[ms]"),
        },
        id_column="parcel_id",
    )


def make_observation(
    reference: str = "S1A_GRD_CARD_BS", time: datetime = TIME, card: str = "bs", **kwargs: Any
) -> Observation:
    return Observation(
        reference=reference,
        obstime=time,
        sensor="1A",
        card=card,
        footprint=shapely.box(8.5, 45.0, 9.5, 46.0),
        orbit_direction=kwargs.pop("orbit_direction", "ascending"),
        relative_orbit=kwargs.pop("relative_orbit", 117),
        source=f"/cards/{reference}",
        **kwargs,
    )


def make_band(
    band: str,
    pids: Sequence[int],
    level: float,
    *,
    reasons: Sequence[int] | None = None,
    extras: Sequence[str] = (),
) -> BandSignatures:
    """Statistics that tell parcel, statistic and level apart: level + pid / 1000 + rank of the statistic / 100."""
    pid = np.array(pids, np.int32)
    reason = np.zeros(len(pid), np.uint8) if reasons is None else np.array(reasons, np.uint8)
    names = (*STATISTICS, "valid", *extras)
    values = {
        name: (level + pid / 1000 + rank / 100).astype(np.float32)
        for rank, name in enumerate((*STATISTICS, *EXTRA_STATISTICS))
        if name in names
    }
    for name in names:
        if name not in ("count", "valid"):
            values[name][reason > 0] = np.nan
    values["count"][reason > 0] = 0
    values["valid"][reason > 0] = 0
    return BandSignatures(band, pid, reason, values)


def make_extraction(
    observation: Observation, pids: Sequence[int] = (1, 2, 3, 5), level: float = 1.0, **kwargs: Any
) -> Extraction:
    """Two bands of backscatter, VH 10 above VV, in an order that is not the alphabet's."""
    bands = [make_band("VVb", pids, level, **kwargs), make_band("VHb", pids, level + 10, **kwargs)]
    return Extraction(observation, bands, None, {"rule": "centre"})


def load(store: Store, extraction: Extraction) -> int:
    with store.taken(extraction.observation) as work:
        assert work is not None
        return work.load(extraction)


def fail(store: Store, observation: Observation, status: str) -> None:
    with store.taken(observation) as work:
        assert work is not None
        work.fail(status)


def exported(store: Store) -> list[dict[str, Any]]:
    """All rows, sorted, without the number of the observation, which is the store's own matter."""
    rows = [row for batch in store.export_rows() for row in batch.to_pylist()]
    for row in rows:
        row.pop("obsid")
    return sorted(rows, key=lambda row: (row["pid"], row["obstime"], row["reference"], row["band"]))


def series(store: Store, parcel: str, **kwargs: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = store.series(SeriesQuery(parcel, **kwargs)).to_pylist()
    return rows


def statuses(store: Store) -> dict[str, str]:
    return {row["reference"]: row["status"] for row in store.observations().to_pylist()}


class StoreContract:
    """Tests that run on any store."""

    @pytest.fixture
    def ready(self, store: Store) -> Store:
        """Initialised, with parcels."""
        store.init()
        store.put_parcels(make_parcels())
        return store

    # --- Parcels ---

    def test_a_place_without_a_store_says_so(self, store: Store) -> None:
        with pytest.raises(UsageError):
            store.info()
        with pytest.raises(UsageError):
            store.put_parcels(make_parcels())

    def test_init_is_harmless_when_repeated(self, ready: Store, reopened: Callable[[], Store]) -> None:
        load(ready, make_extraction(make_observation()))
        ready.init()
        reopened().init()
        assert reopened().info().rows == 8

    def test_parcels_come_back_as_they_went_in(self, ready: Store, reopened: Callable[[], Store]) -> None:
        for parcels in (ready.parcels(), reopened().parcels()):
            expected = make_parcels()
            assert parcels.digest == expected.digest
            assert (parcels.crs, parcels.id_column) == (expected.crs, expected.id_column)
            assert parcels.pid.dtype == np.int32
            assert list(parcels.ids) == list(IDS)
            assert list(parcels.attributes) == list(expected.attributes)
            for name, values in expected.attributes.items():
                assert parcels.attributes[name].dtype.kind == values.dtype.kind, name
                np.testing.assert_array_equal(parcels.attributes[name], values)

    def test_without_parcels_there_are_none(self, store: Store) -> None:
        store.init()
        with pytest.raises(UsageError):
            store.parcels()
        with pytest.raises(UsageError):
            store.series(SeriesQuery("007"))
        assert store.info().parcels == 0

    def test_the_same_parcels_may_be_put_again_but_no_others(self, ready: Store) -> None:
        ready.put_parcels(make_parcels())
        parcels = make_parcels()
        parcels.geometries[1] = square(500_151, 5_000_000)
        with pytest.raises(UsageError):
            ready.put_parcels(parcels)
        assert ready.parcels().digest == make_parcels().digest
        assert ready.info().parcels == 6

    # --- Loading ---

    def test_a_series_is_what_was_loaded(self, ready: Store, reopened: Callable[[], Store]) -> None:
        assert load(ready, make_extraction(make_observation(), extras=("mean_db", "enl", "inc"))) == 8
        for store in (ready, reopened()):
            table = store.series(SeriesQuery("0042"))
            assert table.column_names == SERIES_COLUMNS
            high, low = table.to_pylist()
            assert (high["band"], low["band"]) == ("VHb", "VVb")
            for row, level in ((low, 1.0), (high, 11.0)):
                for rank, name in enumerate((*STATISTICS, *EXTRA_STATISTICS)):
                    assert row[name] == pytest.approx(level + 0.003 + rank / 100, rel=1e-6), name
                assert row["reason"] is None
                assert row["obstime"] == TIME
                assert (row["card"], row["sensor"], row["reference"]) == ("bs", "1A", "S1A_GRD_CARD_BS")
                assert (row["orbit_direction"], row["relative_orbit"]) == ("ascending", 117)

    def test_types_of_a_series(self, ready: Store) -> None:
        load(ready, make_extraction(make_observation()))
        schema = ready.series(SeriesQuery("007")).schema
        assert schema.field("obstime").type == pa.timestamp("us")
        assert schema.field("mean").type == pa.float32()
        assert schema.field("band").type == pa.string()
        assert schema.equals(ready.series(SeriesQuery("far")).schema)

    def test_leading_zeros_and_odd_characters_of_ids_count(self, ready: Store) -> None:
        load(ready, make_extraction(make_observation()))
        means = {parcel: series(ready, parcel, bands=["VVb"])[0]["mean"] for parcel in ("007", "7", "it's")}
        assert means == pytest.approx({"007": 1.011, "7": 1.012, "it's": 1.015})

    @pytest.mark.parametrize("parcel", ["42", "", "' OR 1=1 --", "00007"])
    def test_an_unknown_parcel_is_refused_by_name(self, ready: Store, parcel: str) -> None:
        load(ready, make_extraction(make_observation()))
        for call in (ready.series, ready.histograms):
            with pytest.raises(UsageError) as caught:
                call(SeriesQuery(parcel))
            assert parcel in str(caught.value)

    def test_a_parcel_without_rows_has_an_empty_series(self, ready: Store) -> None:
        assert ready.series(SeriesQuery("far")).num_rows == 0
        load(ready, make_extraction(make_observation()))
        table = ready.series(SeriesQuery("far"))
        assert table.num_rows == 0
        assert table.column_names == SERIES_COLUMNS

    def test_loading_again_replaces_rows(self, ready: Store) -> None:
        observation = make_observation()
        other = make_extraction(make_observation("other"), level=5.0)
        load(ready, other)
        load(ready, make_extraction(observation))
        load(ready, make_extraction(observation))
        assert ready.info().rows == 16
        assert load(ready, make_extraction(observation, [2, 7], level=3.0)) == 4
        assert [row["reference"] for row in series(ready, "007")] == ["other"] * 2
        assert series(ready, "7", bands=["VVb"])[0]["mean"] in (pytest.approx(3.012), pytest.approx(5.012))
        assert len(series(ready, "far")) == 2
        assert ready.info().rows == 8 + 4
        assert statuses(ready) == {observation.reference: EXTRACTED, "other": EXTRACTED}

    def test_a_card_whose_time_was_corrected_is_still_one(self, ready: Store) -> None:
        """Months apart: stores that are divided by time must look for the older rows elsewhere."""
        load(ready, make_extraction(make_observation(checksum="aa")))
        later = TIME + timedelta(days=60)
        load(ready, make_extraction(make_observation(time=later, checksum="bb"), level=2.0))
        (row,) = ready.observations().to_pylist()
        assert (row["obstime"], row["checksum"]) == (later, "bb")
        assert [row["obstime"] for row in series(ready, "7")] == [later] * 2
        assert ready.info().rows == 8

    def test_statistics_that_are_missing_are_null_and_say_why(self, ready: Store) -> None:
        extraction = make_extraction(
            make_observation(), [1, 2, 3, 5], reasons=[0, 1, 2, 3], extras=("enl", "mean_db")
        )
        load(ready, extraction)
        for parcel, reason in (("7", 1), ("0042", 2), ("it's", 3)):
            for row in series(ready, parcel):
                assert row["reason"] == REASONS[reason]
                assert (row["count"], row["valid"]) == (0, 0)
                missing = {name for name in row if row[name] is None}
                assert missing == {"mean", "std", "min", "p25", "p50", "p75", "max", "mean_db", "enl", "inc"}
        assert all(row["reason"] is None and row["enl"] is not None for row in series(ready, "007"))

    def test_nan_never_comes_out(self, ready: Store) -> None:
        band = make_band("VVb", [1, 2], 1.0, extras=("enl", "mean_db"))
        band.values["enl"][0] = np.inf
        band.values["mean_db"][0] = np.nan
        load(ready, Extraction(make_observation(), [band]))
        (row,) = series(ready, "007")
        assert row["enl"] is None and row["mean_db"] is None and row["inc"] is None
        assert row["mean"] == pytest.approx(1.011)
        for other in (*exported(ready), *ready.latest().to_pylist()):
            assert not any(isinstance(value, float) and not np.isfinite(value) for value in other.values())

    def test_bands_and_time_select_rows(self, ready: Store) -> None:
        times = [TIME + timedelta(days=6 * k) for k in range(8)]
        for k, time in enumerate(times):
            load(ready, make_extraction(make_observation(f"card-{k}", time), level=k))
        assert [row["obstime"] for row in series(ready, "007", bands=["VVb"])] == times
        assert {row["band"] for row in series(ready, "007", bands=["VHb"])} == {"VHb"}
        assert len(series(ready, "007", bands=["VHb", "VVb", "VVc"])) == 16
        assert series(ready, "007", bands=["VVc"]) == []
        inside = series(ready, "007", bands=["VVb"], start=times[2], end=times[5])
        assert [row["obstime"] for row in inside] == times[2:5]
        aware = series(ready, "007", bands=["VVb"], start=times[6].replace(tzinfo=UTC))
        assert [row["obstime"] for row in aware] == times[6:]
        order = [(row["obstime"], row["band"]) for row in series(ready, "007")]
        assert order == sorted(order)

    def test_two_observations_at_one_time_are_two(self, ready: Store) -> None:
        coherence = make_observation(
            "S1_COH6", card="c6", pair_sensor="1B", pair_time=TIME - timedelta(days=6)
        )
        load(ready, make_extraction(make_observation()))
        load(ready, Extraction(coherence, [make_band("VVc", [1], 0.5)]))
        load(ready, make_extraction(make_observation("slice 2"), level=7.0))
        rows = series(ready, "007")
        assert len(rows) == 5
        assert {(row["reference"], row["card"]) for row in rows} == {
            ("S1A_GRD_CARD_BS", "bs"),
            ("S1_COH6", "c6"),
            ("slice 2", "bs"),
        }
        catalogue = {row["reference"]: row for row in ready.observations().to_pylist()}
        assert catalogue["S1_COH6"]["pair_sensor"] == "1B"
        assert catalogue["S1_COH6"]["pair_time"] == TIME - timedelta(days=6)
        assert len({row["id"] for row in catalogue.values()}) == 3

    def test_histograms(self, ready: Store) -> None:
        counts = np.zeros((2, 12), np.float32)
        counts[0, [3, 4]] = 4, 93
        counts[1, 8] = 2.5
        scene = make_observation("S2A_MSIL2A.SAFE", card="s2", orbit_direction=None, relative_orbit=None)
        extraction = Extraction(
            scene, [make_band("B04", [1, 2], 1.0)], Histograms(np.array([1, 3], np.int32), counts)
        )
        assert load(ready, extraction) == 2
        table = ready.histograms(SeriesQuery("007"))
        assert table.column_names == ["obstime", "hist", "sensor", "reference"]
        (row,) = table.to_pylist()
        assert json.loads(row.pop("hist")) == {"3": 4, "4": 93}
        assert row == {"obstime": TIME, "sensor": "1A", "reference": "S2A_MSIL2A.SAFE"}
        assert json.loads(ready.histograms(SeriesQuery("0042")).to_pylist()[0]["hist"]) == {"8": 2.5}
        assert ready.histograms(SeriesQuery("7")).num_rows == 0
        assert ready.histograms(SeriesQuery("007", end=TIME)).num_rows == 0
        (signature,) = series(ready, "007")
        assert (signature["band"], signature["orbit_direction"], signature["relative_orbit"]) == (
            "B04",
            None,
            None,
        )
        assert series(ready, "0042") == []
        assert ready.info().rows == 2
        load(ready, Extraction(scene, [make_band("B04", [1, 2], 1.0)]))
        assert ready.histograms(SeriesQuery("007")).num_rows == 0

    def test_an_extraction_without_rows_is_an_observation(self, ready: Store) -> None:
        assert load(ready, Extraction(make_observation(), [])) == 0
        assert load(ready, make_extraction(make_observation("no parcel in it"), [])) == 0
        assert statuses(ready) == {"S1A_GRD_CARD_BS": EXTRACTED, "no parcel in it": EXTRACTED}
        assert ready.info().rows == 0

    # --- Failing ---

    def test_a_failure_is_noted_and_removes_rows(self, ready: Store) -> None:
        load(ready, make_extraction(make_observation()))
        load(ready, make_extraction(make_observation("other")))
        fail(ready, make_observation(), "Rio error")
        fail(ready, make_observation("elsewhere"), NO_PARCELS)
        assert statuses(ready) == {
            "S1A_GRD_CARD_BS": "Rio error",
            "other": EXTRACTED,
            "elsewhere": NO_PARCELS,
        }
        assert {row["reference"] for row in exported(ready)} == {"other"}
        assert ready.info().observations == {
            ("bs", "Rio error"): 1,
            ("bs", EXTRACTED): 1,
            ("bs", NO_PARCELS): 1,
        }
        load(ready, make_extraction(make_observation()))
        assert statuses(ready)["S1A_GRD_CARD_BS"] == EXTRACTED
        assert len(series(ready, "007")) == 4

    def test_an_error_inside_leaves_nothing(self, ready: Store, reopened: Callable[[], Store]) -> None:
        observation = make_observation()
        with pytest.raises(RuntimeError, match="boom"), ready.taken(observation) as work:
            assert work is not None
            raise RuntimeError("boom")
        assert exported(ready) == []
        assert statuses(ready).get(observation.reference) != EXTRACTED
        assert load(reopened(), make_extraction(observation)) == 8  # it can be taken again

    def test_an_error_inside_keeps_the_rows_of_before(self, ready: Store) -> None:
        observation = make_observation()
        load(ready, make_extraction(observation))
        before = exported(ready)
        with pytest.raises(RuntimeError, match="boom"), ready.taken(observation):
            raise RuntimeError("boom")
        assert exported(ready) == before

    def test_wrong_rows_are_refused_as_a_whole(self, ready: Store) -> None:
        """Nothing of a load that fails in the middle stays."""
        good, twice = make_band("VHb", [1, 2], 1.0), make_band("VVb", [1, 1], 1.0)
        with pytest.raises(S1CardError):
            load(ready, Extraction(make_observation(), [good, twice]))
        assert exported(ready) == []

    # --- Asking ---

    def test_catalogue(self, ready: Store) -> None:
        load(ready, make_extraction(make_observation("b", TIME + timedelta(days=1), checksum="cc")))
        load(ready, make_extraction(make_observation("a", TIME + timedelta(days=2))))
        load(ready, make_extraction(make_observation("c", TIME)))
        table = ready.observations()
        assert table.column_names == CATALOGUE_COLUMNS
        assert table["reference"].to_pylist() == ["c", "b", "a"]
        row = table.to_pylist()[1]
        assert shapely.from_wkb(row["footprint"]).equals(shapely.box(8.5, 45.0, 9.5, 46.0))
        assert (row["sensor"], row["card"], row["status"], row["checksum"]) == ("1A", "bs", EXTRACTED, "cc")
        assert (row["source"], row["pair_sensor"], row["pair_time"]) == ("/cards/b", None, None)
        chosen = ready.observations(start=TIME + timedelta(days=1), end=TIME + timedelta(days=2))
        assert chosen["reference"].to_pylist() == ["b"]

    def test_latest_is_the_newest_row_with_statistics(self, ready: Store) -> None:
        load(ready, make_extraction(make_observation("new", TIME + timedelta(days=12)), [1, 2], 2.0))
        load(ready, make_extraction(make_observation("old", TIME), [1, 2, 3], 1.0))
        load(
            ready,
            make_extraction(
                make_observation("empty", TIME + timedelta(days=24)), [1, 2, 3, 5], 3.0, reasons=[3, 0, 1, 1]
            ),
        )
        table = ready.latest()
        assert table.column_names[:3] == ["pid", "band", "obstime"]
        assert set(STATISTICS) <= set(table.column_names)
        found = {
            (row["pid"], row["band"]): (row["obstime"], round(row["mean"], 3)) for row in table.to_pylist()
        }
        days = [TIME + timedelta(days=12 * k) for k in range(3)]
        assert found == {
            (1, "VVb"): (days[1], 2.011),
            (1, "VHb"): (days[1], 12.011),
            (2, "VVb"): (days[2], 3.012),
            (2, "VHb"): (days[2], 13.012),
            (3, "VVb"): (days[0], 1.013),
            (3, "VHb"): (days[0], 11.013),
        }

    def test_export(self, ready: Store) -> None:
        assert list(ready.export_rows()) == []
        load(ready, make_extraction(make_observation(), [1, 2], reasons=[0, 3]))
        rows = exported(ready)
        assert [(row["pid"], row["band"], row["reason"]) for row in rows] == [
            (1, "VHb", None),
            (1, "VVb", None),
            (2, "VHb", "no data"),
            (2, "VVb", "no data"),
        ]
        assert {(row["obstime"], row["reference"]) for row in rows} == {(TIME, "S1A_GRD_CARD_BS")}
        assert {"obsid", *STATISTICS, *EXTRA_STATISTICS} <= set(next(ready.export_rows()).schema.names)

    def test_info(self, ready: Store) -> None:
        info = ready.info()
        assert (info.parcels, info.rows, info.observations) == (6, 0, {})
        assert info.first is None and info.last is None
        load(ready, make_extraction(make_observation("b", TIME + timedelta(days=40))))
        load(ready, make_extraction(make_observation("a", TIME), [1]))
        fail(ready, make_observation("early", TIME - timedelta(days=40)), "Rio error")
        info = ready.info()
        assert (info.parcels, info.rows) == (6, 10)
        assert info.observations == {("bs", EXTRACTED): 2, ("bs", "Rio error"): 1}
        assert (info.first, info.last) == (TIME, TIME + timedelta(days=40))
        assert info.bytes > 0

    # --- Peers ---

    def test_peers_are_large_near_and_not_the_parcel_itself(self, ready: Store) -> None:
        peers = ready.peers("007")
        assert [(peer.id, peer.pid) for peer in peers] == [("7", 2), ("0042", 3), ("it's", 5)]
        assert [peer.distance for peer in peers] == pytest.approx([50.0, 250.0, 850.0], rel=5e-3)
        assert [peer.id for peer in ready.peers("007", distance=300)] == ["7", "0042"]
        assert [peer.id for peer in ready.peers("007", limit=1)] == ["7"]
        assert ready.peers("far") == []
        assert [peer.id for peer in ready.peers("small", distance=115)] == ["007", "7"]

    def test_peers_of_the_same_crop(self, ready: Store) -> None:
        assert [peer.id for peer in ready.peers("007", column="crop")] == ["0042", "it's"]
        assert [peer.id for peer in ready.peers("007", column="code")] == ["0042"]
        assert ready.peers("small", column="crop") == []  # its crop is not known

    def test_peers_that_cannot_be(self, ready: Store) -> None:
        with pytest.raises(UsageError, match="42"):
            ready.peers("42")
        with pytest.raises(UsageError, match="fruit"):
            ready.peers("007", column="fruit")

    @pytest.mark.parametrize("latitude", [0.0, 52.0, -35.0, 68.0])
    def test_peers_of_parcels_in_degrees(self, store: Store, latitude: float) -> None:
        """Distances are metres, along a meridian and along a parallel."""
        boxes = [
            shapely.box(6.0, latitude, 6.002, latitude + 0.001),
            shapely.box(6.0, latitude + 0.003, 6.002, latitude + 0.004),
            shapely.box(6.009, latitude, 6.011, latitude + 0.001),
        ]
        geometries = np.empty(3, object)
        geometries[:] = boxes
        ids = np.array(["centre", "north", "east"], object)
        store.init()
        store.put_parcels(ParcelSet(np.array([1, 2, 3], np.int32), ids, geometries, "EPSG:4326"))
        geod = Geod(ellps="WGS84")
        north = geod.inv(6.001, latitude + 0.001, 6.001, latitude + 0.003)[2]
        east = min(geod.inv(6.002, y, 6.009, y)[2] for y in (latitude, latitude + 0.001))
        found = {peer.id: peer.distance for peer in store.peers("centre")}
        assert found == pytest.approx({"north": north, "east": east}, rel=5e-3)

    # --- Compaction ---

    def test_compaction_changes_nothing_that_can_be_seen(
        self, ready: Store, reopened: Callable[[], Store]
    ) -> None:
        for k in range(6):
            time = TIME + timedelta(days=12 * k)
            load(
                ready,
                make_extraction(make_observation(f"card-{k}", time), [1, 2, 5], level=k, extras=("enl",)),
            )
        load(
            ready,
            make_extraction(make_observation("card-1", TIME + timedelta(days=12)), [2, 3], reasons=[0, 1]),
        )
        fail(ready, make_observation("card-2", TIME + timedelta(days=24)), "Rio error")
        counts = np.zeros((2, 5), np.float32)
        counts[:, 4] = 7
        load(
            ready,
            Extraction(
                make_observation("scene", card="s2"),
                [make_band("B04", [1], 2.0)],
                Histograms(np.array([1, 2], np.int32), counts),
            ),
        )
        before = (
            exported(ready),
            statuses(ready),
            series(ready, "7"),
            ready.latest().to_pylist(),
            ready.info(),
        )
        assert isinstance(ready.compact(), str)
        for store in (ready, reopened()):
            assert exported(store) == before[0]
            assert statuses(store) == before[1]
            assert series(store, "7") == before[2]
            assert sorted(map(str, store.latest().to_pylist())) == sorted(map(str, before[3]))
            assert store.histograms(SeriesQuery("7")).num_rows == 1
            info = store.info()
            assert (info.rows, info.observations) == (before[4].rows, before[4].observations)
            assert (info.first, info.last) == (before[4].first, before[4].last)
        ready.compact()
        assert exported(ready) == before[0]

    def test_loading_and_failing_after_compaction(self, ready: Store) -> None:
        for k in range(3):
            load(ready, make_extraction(make_observation(f"card-{k}"), level=k))
        ready.compact()
        load(ready, make_extraction(make_observation("card-0"), [1], level=50.0))
        fail(ready, make_observation("card-1"), "Rio error")
        load(ready, make_extraction(make_observation("card-3"), level=3.0))
        for _ in range(2):
            means = {row["reference"]: round(row["mean"], 3) for row in series(ready, "007", bands=["VVb"])}
            assert means == {"card-0": 50.011, "card-2": 2.011, "card-3": 3.011}
            assert ready.info().rows == 2 + 8 + 8
            assert statuses(ready)["card-1"] == "Rio error"
            ready.compact()

    def test_what_another_one_loads_is_seen(self, ready: Store, reopened: Callable[[], Store]) -> None:
        other = reopened()
        assert series(ready, "007") == []
        load(other, make_extraction(make_observation()))
        assert len(series(ready, "007")) == 2
        other.compact()
        assert len(series(ready, "007")) == 2
        assert ready.info().rows == 8
