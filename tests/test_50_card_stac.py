from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import card_cases
import numpy as np
import pystac
import pytest
from jsonschema import Draft7Validator, FormatChecker
from pyproj import Geod, Transformer
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
from shapely.geometry import Point, Polygon, box, shape

from s1card.card import Card, assemble_card, footprint
from s1card.card.footprint import to_globe, valid_footprint
from s1card.card.raster_facts import read_facts
from s1card.errors import DataError
from s1card.geometry.map_grid import MapGrid
from s1card.scene.reader import open_scene

RULES = json.loads((Path(__file__).parent / "stac_schemas" / "extensions.json").read_text())
CORE = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    folder = tmp_path_factory.mktemp("card")
    return assemble_card(card_cases.card_bands(folder / "tmp"), card_cases.context(), folder / "out")


@pytest.fixture
def item(card: Card) -> dict[str, Any]:
    return json.loads(card.item.read_text())


def registry() -> Registry:
    """The schemas of the core that pystac carries, under the addresses by which they call each other."""
    folder = resources.files("pystac.validation") / "jsonschemas"
    found = []
    for name in ("geojson/Feature.json", "geojson/Geometry.json"):
        schema = json.loads((folder / name).read_text())
        found.append((schema["$id"], schema))
    for path in (folder / "stac-spec" / "v1.1.0").iterdir():
        found.append((CORE.replace("item.json", path.name), json.loads(path.read_text())))
    return Registry().with_resources(
        (address, Resource.from_contents(schema, default_specification=DRAFT7)) for address, schema in found
    )


def extension_schema(name: str) -> dict[str, Any]:
    rule = RULES[name]
    prefix = rule.get("prefix", name)
    fields = {
        "type": "object",
        "properties": rule["fields"],
        "patternProperties": {f"^(?!{prefix}:)": {}},
        "additionalProperties": False,
    }
    asset = (
        {"allOf": [fields, {"properties": {"bands": {"items": fields}}}]} if rule.get("in_bands") else fields
    )
    required = {"anyOf": [{"required": [field]} for field in rule["any_of"]]} if rule["any_of"] else {}
    address = f"https://stac-extensions.github.io/{name}/{rule['version']}/schema.json"
    return {
        "type": "object",
        "required": ["stac_extensions", "properties", "assets"],
        "properties": {
            "stac_extensions": {"contains": {"const": address}},
            "properties": {"allOf": [fields, required]},
            "assets": {"additionalProperties": asset},
            "links": {"items": fields} if name == "file" else {},
        },
    }


def errors(schema: dict[str, Any], item: dict[str, Any]) -> list[str]:
    validator = Draft7Validator(schema, registry=registry(), format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(item)]


def test_the_item_passes_the_core_schemas(item: dict[str, Any]) -> None:
    assert errors({"$ref": CORE}, item) == []
    assert errors({"$ref": CORE}, item | {"bbox": [1]}) != []
    assert pystac.Item.from_dict(item).id == item["id"]


@pytest.mark.parametrize("name", RULES)
def test_the_item_passes_the_rules_of_the_extension(item: dict[str, Any], name: str) -> None:
    assert errors(extension_schema(name), item) == []
    prefix = RULES[name].get("prefix", name)
    item["assets"]["VV"][f"{prefix}:nonsense"] = 1
    assert errors(extension_schema(name), item) != []


@pytest.mark.parametrize("start", ["20150203T043109", "20210119T031653"])
def test_real_metadata_pass_too(shared: Path, tmp_path: Path, start: str) -> None:
    (path,) = (shared / "data" / "annotation").glob(f"S1A_IW_GRDH_1SDV_{start}_*.zip")
    scene = open_scene(path)
    context = card_cases.context(scene=scene, state_vectors=scene.images[0].annotation.state_vectors)
    band = card_cases.card_band(tmp_path, "VV", card_cases.power(0.1))
    item = json.loads(assemble_card([band], context, tmp_path / "out").item.read_text())
    assert item["id"] == f"{path.stem}_CARD_BS"
    assert errors({"$ref": CORE}, item) == []
    assert [error for name in RULES for error in errors(extension_schema(name), item)] == []
    # a descending Sentinel-1 looks west-north-west
    assert 280 < item["properties"]["view:azimuth"] < 290


def test_every_extension_that_is_listed_is_used_and_checked(item: dict[str, Any]) -> None:
    text = json.dumps(item)
    assert len(item["stac_extensions"]) == len(RULES)
    for name, rule in RULES.items():
        assert f'"{rule.get("prefix", name)}:' in text


def test_properties_by_hand(item: dict[str, Any]) -> None:
    expected = {
        "datetime": "2021-01-19T03:16:53.123456Z", "start_datetime": "2021-01-19T03:16:53.123456Z",
        "end_datetime": "2021-01-19T03:17:18.122334Z", "platform": "sentinel-1a", "gsd": 10.0,
        "product:type": "CARD_BS", "sar:polarizations": ["VV", "VH"], "sar:center_frequency": 5.405,
        "sar:looks_range": 5, "sat:orbit_state": "descending", "sat:relative_orbit": 124,
        "sat:anx_datetime": "2021-01-19T02:30:00.500000Z", "view:incidence_angle": 39.1,
        # heading -167.5, the antenna looks 90 degrees to the right of it
        "view:azimuth": 282.5, "proj:code": "EPSG:32633", "proj:shape": [300, 400],
        "proj:transform": [10.0, 0.0, 300_000.0, 0.0, -10.0, 4_660_000.0],
        "proj:bbox": [300_000.0, 4_657_000.0, 304_000.0, 4_660_000.0],
        "s1card:orbit_source": "POEORB", "s1card:orbit_file": "S1A_OPER_AUX_POEORB.EOF",
        "s1card:dem_datum": "egm2008", "s1card:slice_number": 3,
        "processing:software": {"Sentinel-1 IPF": "003.31", "GDAL": "3.10", "s1card": "0.1.0"},
    }  # fmt: skip
    assert {key: item["properties"][key] for key in expected} == expected
    assert item["links"] == [
        {"rel": "derived_from", "href": f"{card_cases.NAME}.SAFE", "title": card_cases.NAME}
    ]


class TestPairs:
    def item(self, tmp_path: Path, **changes: Any) -> dict[str, Any]:
        band = card_cases.card_band(tmp_path, "VV", card_cases.power(0.1))
        made = assemble_card([band], card_cases.pair_context(**changes), tmp_path / "out")
        item: dict[str, Any] = json.loads(made.item.read_text())
        return item

    def test_it_passes_all_schemas(self, tmp_path: Path) -> None:
        item = self.item(tmp_path)
        assert errors({"$ref": CORE}, item) == []
        assert [error for name in RULES for error in errors(extension_schema(name), item)] == []

    def test_properties_by_hand(self, tmp_path: Path) -> None:
        item = self.item(tmp_path)
        assert item["id"].startswith("S1_IW_CARD_COH6_1SDV_20210119T031653_20210113T031653_R124_")
        other = card_cases.NAME.replace("S1A", "S1B")
        expected = {
            "datetime": "2021-01-19T03:16:53.123456Z", "start_datetime": "2021-01-13T03:16:53.123456Z",
            "end_datetime": "2021-01-19T03:17:18.122334Z", "product:type": "CARD_COH6",
            "s1card:reference": [card_cases.NAME], "s1card:secondary": [other], "s1card:platforms": ["S1A", "S1B"],
            "s1card:temporal_baseline_days": 6, "s1card:secondary_orbit": "POEORB S1B_OPER_AUX_POEORB.EOF",
            "s1card:secondary_datetime": "2021-01-13T03:16:53.123456Z",
            "s1card:perpendicular_baseline": {"IW1": 33.61, "IW2": 33.1}, "s1card:coherence_window": [3, 10],
            "s1card:coherence_looks": {"IW1": 14.6, "IW2": 13.1}, "s1card:coherence_bias_corrected": False,
        }  # fmt: skip
        assert {key: item["properties"][key] for key in expected} == expected
        assert [link["title"] for link in item["links"]] == [card_cases.NAME, other]
        table = item["properties"]["s1card:coherence_expected"]
        # no coherence at all: sqrt(pi / n) / 2 of n looks, a little more of few
        assert table[0] == pytest.approx(np.sqrt(np.pi / 13.85) / 2, rel=0.01)
        assert table == sorted(table) and table[9] == pytest.approx(0.9, abs=0.002)

    def test_a_corrected_estimate_has_no_expected_bias(self, tmp_path: Path) -> None:
        measures = {**card_cases.pair_context().measures, "coherence_bias_corrected": True}
        item = self.item(tmp_path, measures=measures)
        assert item["properties"]["s1card:coherence_bias_corrected"] is True
        assert "s1card:coherence_expected" not in item["properties"]

    def test_estimated_shifts_are_told(self, tmp_path: Path) -> None:
        usual = card_cases.pair_context().measures
        assert "s1card:azimuth_shift" not in self.item(tmp_path)["properties"]
        shifts = {"azimuth_shift_IW1_sec1_13Jan2021": 0.0123456, "range_shift_IW1_sec1_13Jan2021": -0.2}
        properties = self.item(tmp_path, measures={**usual, **shifts}, recipe="mine")["properties"]
        assert properties["s1card:azimuth_shift"] == {"IW1": 0.01235}
        assert properties["s1card:range_shift"] == {"IW1": -0.2}

    def test_products_and_parameters_make_the_name(self) -> None:
        usual = card_cases.pair_context()
        assert usual.pair is not None
        names = {
            card_cases.pair_context(**changes).card_id
            for changes in (
                {},
                {"parameters": {"cohWinAz": "5"}},
                {"recipe": "mine"},
                {"pair": replace(usual.pair, secondary=(usual.scene,))},
                {"pair": replace(usual.pair, polarizations=("VV",))},
            )
        }
        assert len(names) == 5
        assert usual.card_id == card_cases.pair_context().card_id


def test_looks_of_a_multilooked_product(tmp_path: Path) -> None:
    band = card_cases.card_band(tmp_path, "VV", card_cases.power(0.1))
    context = card_cases.context(measures={"looks_range": 4.0, "looks_azimuth": 2.0})
    item = json.loads(assemble_card([band], context, tmp_path / "out").item.read_text())
    assert (item["properties"]["sar:looks_range"], item["properties"]["sar:looks_azimuth"]) == (5 * 4, 2)


def test_assets_in_the_order_of_the_card(item: dict[str, Any]) -> None:
    assert list(item["assets"]) == ["VV", "VH", "inc", "mask", "graph", "thumbnail"]
    roles = {name: asset["roles"] for name, asset in item["assets"].items()}
    assert roles["VV"] == ["data"]
    assert roles["mask"] == ["metadata", "data-mask"]
    assert item["assets"]["mask"]["bands"][0]["nodata"] == 255
    assert "statistics" not in item["assets"]["mask"]["bands"][0]


def test_band_statistics(item: dict[str, Any]) -> None:
    (band,) = item["assets"]["VH"]["bands"]
    values = card_cases.power(0.02, seed=2)
    assert (band["name"], band["data_type"], band["nodata"]) == ("VH", "float32", "nan")
    assert band["raster:spatial_resolution"] == 10.0
    assert band["statistics"]["count"] == 270 * 380
    assert band["statistics"]["valid_percent"] == pytest.approx(100 * 270 * 380 / (300 * 400))
    assert band["statistics"]["mean"] == pytest.approx(np.nanmean(values, dtype=np.float64))


def test_geometry_is_the_outline_of_the_valid_pixels(item: dict[str, Any]) -> None:
    # 20 columns on the left and 30 rows above hold no data
    valid = to_globe(box(300_200, 4_657_000, 304_000, 4_659_700), "EPSG:32633").geometry
    polygon = shape(item["geometry"])
    assert polygon.exterior.is_ccw
    assert polygon.symmetric_difference(valid).area / valid.area < 0.03
    metre = 1 / 111_000
    assert polygon.buffer(45 * metre).contains(valid)
    assert valid.buffer(45 * metre).contains(polygon)
    assert item["bbox"] == list(polygon.bounds)


def test_edges_of_the_footprint_follow_the_map() -> None:
    """An edge of 200 km in UTM is 2 km off the straight line in degrees; the outline must follow the edge."""
    footprint = to_globe(box(200_000, 5_900_000, 400_000, 6_100_000), "EPSG:32633")
    transformer = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True)
    ring = np.asarray(footprint.geometry.exterior.coords)
    between = (ring[1:] + ring[:-1]) / 2
    x, y = transformer.transform(*between.T)
    edge = box(200_000, 5_900_000, 400_000, 6_100_000).exterior
    assert max(edge.distance(Point(*point)) for point in zip(x, y, strict=True)) < 5


def test_a_footprint_across_the_antimeridian_is_two_polygons() -> None:
    footprint = to_globe(box(178.0, 10.0, 182.0, 12.0), "OGC:CRS84")
    assert footprint.geometry.geom_type == "MultiPolygon"
    assert footprint.bbox == (178.0, 10.0, -178.0, 12.0)
    assert sorted(part.bounds for part in footprint.geometry.geoms) == [
        (-180.0, 10.0, -178.0, 12.0),
        (178.0, 10.0, 180.0, 12.0),
    ]


@pytest.mark.parametrize(("pixels", "bound"), [(footprint.MAX_PIXELS, 15.0), (30_000, 60.0)])
def test_footprint_of_a_slanted_swath(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: int, bound: float
) -> None:
    """Corners of a slanted parallelogram are found to a pixel and a half of what is read, image or overview."""
    monkeypatch.setattr(footprint, "MAX_PIXELS", pixels)
    grid = MapGrid("EPSG:32633", 300_000, 4_660_000, 10, 10, 600, 800)
    rows, cols = np.mgrid[:600, :800]
    inside = (cols > 50 + rows / 5) & (cols < 600 + rows / 5) & (rows > 20) & (rows < 560)
    path = card_cases.write_raster(tmp_path / "a.tif", np.where(inside, np.float32(1), np.nan), grid)
    polygon = valid_footprint(read_facts(path)).geometry
    corners = to_globe(
        Polygon([(300_550, 4_659_790), (306_040, 4_659_790), (307_120, 4_654_400), (301_630, 4_654_400)]),
        grid.crs,
    ).geometry
    geod = Geod(ellps="WGS84")
    ring = np.asarray(polygon.exterior.coords)
    for lon, lat in np.asarray(corners.exterior.coords)[:-1]:
        edge = polygon.exterior.interpolate(polygon.exterior.project(Point(lon, lat)))
        assert geod.inv(lon, lat, edge.x, edge.y)[2] < bound
    assert len(ring) < 200


def test_a_single_valid_pixel_has_a_footprint(tmp_path: Path) -> None:
    values = np.full(card_cases.GRID.shape, np.nan, np.float32)
    values[150, 200] = 1
    path = card_cases.write_raster(tmp_path / "a.tif", values)
    assert 0 < valid_footprint(read_facts(path)).geometry.area < 1e-5


def test_no_valid_pixel_is_an_error(tmp_path: Path) -> None:
    path = card_cases.write_raster(tmp_path / "a.tif", np.full(card_cases.GRID.shape, np.nan, np.float32))
    with pytest.raises(DataError, match="no valid pixel"):
        valid_footprint(read_facts(path))
