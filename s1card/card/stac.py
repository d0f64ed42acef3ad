"""The STAC item of a card, as a plain dictionary in a fixed order."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapely.geometry import mapping

from s1card.card.footprint import Footprint
from s1card.card.provenance import graph_sha256, utc
from s1card.card.raster_facts import RasterFacts
from s1card.card.records import KINDS, CardBand, CardContext, PairContext
from s1card.engine.looks import expected_coherence
from s1card.raster import BandStatistics

STAC_VERSION = "1.1.0"

_EXTENSION_VERSIONS = {
    "sar": "v1.3.2",
    "sat": "v1.2.0",
    "projection": "v2.0.0",
    "processing": "v1.2.0",
    "raster": "v2.0.0",
    "file": "v2.1.0",
    "view": "v1.1.0",
    "product": "v1.1.0",
}
EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/{version}/schema.json"
    for name, version in _EXTENSION_VERSIONS.items()
)

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"

POLARIZATIONS = ("VV", "VH", "HH", "HV")

_LAYER_ROLES = {
    "inc": "incidence-angle",
    "lia": "local-incidence-angle",
    "dem": "surface-model",
    "mask": "data-mask",
    "area": "contributing-area",
}


@dataclass(frozen=True)
class FileFacts:
    """A file of the card: name in its folder, size in bytes, SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, eq=False)
class WrittenBand:
    """A band of the card with what its file says of itself."""

    band: CardBand
    file: FileFacts
    facts: RasterFacts


def build_item(
    context: CardContext,
    bands: Sequence[WrittenBand],
    footprint: Footprint,
    graph: FileFacts,
    picture: FileFacts,
) -> dict[str, Any]:
    """The STAC item of a card. ``datetime`` is the start of the (later) acquisition; nothing depends on the clock."""
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(EXTENSIONS),
        "id": context.card_id,
        "geometry": json.loads(json.dumps(mapping(footprint.geometry))),
        "bbox": list(footprint.bbox),
        "properties": {
            **_common(context),
            **_sar(context, bands),
            **_sat(context),
            **_view(context),
            **_projection(bands[0].facts, context),
            **_processing(context, graph),
            **_provenance(context),
            **(_pair(context.pair) | _estimator(context) if context.pair else {}),
        },
        "links": [
            {"rel": "derived_from", "href": f"{source.name}.SAFE", "title": source.name}
            for source in context.sources
        ],
        "assets": {
            **{written.band.name: _raster_asset(written) for written in bands},
            "graph": _asset(
                graph, "application/xml", ["metadata", "processing-graph"], "SNAP graph as it ran"
            ),
            "thumbnail": _asset(picture, "image/png", ["thumbnail", "overview"], "Quicklook"),
        },
    }


def dump_item(item: Mapping[str, Any]) -> bytes:
    """The bytes of an item's file: the same for the same item."""
    return (json.dumps(item, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def multihash(sha256: str) -> str:
    """A SHA-256 as multihash: code 0x12, length 0x20, digest."""
    return f"1220{sha256}"


def _common(context: CardContext) -> dict[str, Any]:
    manifest = context.scene.manifest
    kind = KINDS[context.kind]
    return {
        "datetime": utc(manifest.start_time),
        "start_datetime": utc(min(source.manifest.start_time for source in context.sources)),
        "end_datetime": utc(max(source.manifest.stop_time for source in context.sources)),
        "title": kind.title,
        "platform": f"sentinel-{manifest.platform[1:].lower()}",
        "constellation": "sentinel-1",
        "instruments": ["c-sar"],
        "gsd": _ground_sample_distance(context),
        "product:type": kind.name,
    }


def _ground_sample_distance(context: CardContext) -> float:
    """Metres; of a grid in degrees, at the equator."""
    grid = context.grid
    return round(max(grid.spacing_x, grid.spacing_y) * grid.metres_per_unit, 3)


def _sar(context: CardContext, bands: Sequence[WrittenBand]) -> dict[str, Any]:
    annotation = context.scene.images[0].annotation
    return {
        "sar:instrument_mode": context.scene.manifest.mode,
        "sar:frequency_band": "C",
        "sar:center_frequency": round(annotation.radar_frequency / 1e9, 6),
        "sar:polarizations": [written.band.name for written in bands if written.band.name in POLARIZATIONS],
        "sar:observation_direction": "right",
        "sar:looks_range": annotation.looks_range * round(context.measures.get("looks_range", 1)),
        "sar:looks_azimuth": annotation.looks_azimuth * round(context.measures.get("looks_azimuth", 1)),
        "sar:pixel_spacing_range": annotation.range_pixel_spacing,
        "sar:pixel_spacing_azimuth": annotation.azimuth_pixel_spacing,
    }


def _sat(context: CardContext) -> dict[str, Any]:
    manifest = context.scene.manifest
    properties: dict[str, Any] = {
        "sat:platform_international_designator": manifest.platform_international_designator,
        "sat:orbit_state": manifest.orbit_direction,
        "sat:absolute_orbit": manifest.absolute_orbit,
        "sat:relative_orbit": manifest.relative_orbit,
        "sat:orbit_cycle": manifest.cycle,
    }
    if manifest.ascending_node_time is not None:
        properties["sat:anx_datetime"] = utc(manifest.ascending_node_time)
    return properties


def _view(context: CardContext) -> dict[str, Any]:
    """Angles at mid swath, of several sub-swaths their mean; the antenna looks to the right of the flight direction."""
    annotation = context.scene.images[0].annotation
    angles = {image.swath: image.annotation.incidence_angle_mid_swath for image in context.scene.images}
    return {
        "view:incidence_angle": round(sum(angles.values()) / len(angles), 6),
        "view:azimuth": round((annotation.platform_heading + 90.0) % 360.0, 6),
    }


def _projection(facts: RasterFacts, context: CardContext) -> dict[str, Any]:
    """The grid as the rasters state it: shape in rows, columns; the transform maps pixel corners."""
    properties: dict[str, Any] = {"proj:code": f"EPSG:{facts.epsg}" if facts.epsg else None}
    if not facts.epsg:
        properties["proj:wkt2"] = facts.wkt
    return properties | {
        "proj:shape": list(facts.shape),
        "proj:transform": list(facts.transform),
        "proj:bbox": list(context.grid.bounds),
    }


def _processing(context: CardContext, graph: FileFacts) -> dict[str, Any]:
    major, minor = context.scene.manifest.ipf_version
    return {
        "processing:level": "L2",
        "processing:lineage": KINDS[context.kind].lineage,
        "processing:expression": {"format": "snap-graph", "expression": graph.name},
        "processing:software": {
            "Sentinel-1 IPF": f"{major:03d}.{minor:02d}",
            **dict(sorted(context.software.items())),
        },
    }


def _provenance(context: CardContext) -> dict[str, Any]:
    manifest = context.scene.manifest
    return {
        "s1card:recipe": context.recipe,
        "s1card:engine": context.engine,
        "s1card:parameters": dict(sorted(context.parameters.items())),
        "s1card:graph_sha256": graph_sha256(context.graph_xml),
        "s1card:orbit_source": context.state_vectors.source,
        "s1card:orbit_file": context.state_vectors.name,
        "s1card:dem": context.dem_name,
        "s1card:dem_datum": context.dem_datum,
        "s1card:datatake_id": manifest.datatake_id,
        "s1card:slice_number": manifest.slice_number,
    }


def _pair(pair: PairContext) -> dict[str, Any]:
    """The dates of a coherence card."""
    return {
        "s1card:reference": [scene.name for scene in pair.reference],
        "s1card:secondary": [scene.name for scene in pair.secondary],
        "s1card:platforms": [scenes[0].manifest.platform for scenes in (pair.reference, pair.secondary)],
        "s1card:secondary_datetime": utc(pair.secondary[0].manifest.start_time),
        "s1card:secondary_orbit": pair.secondary_orbit,
        "s1card:temporal_baseline_days": pair.temporal_baseline_days,
    }


def _estimator(context: CardContext) -> dict[str, Any]:
    """Baselines, estimated shifts and the estimator of a coherence card, as far as the recipe states them.

    ``s1card:coherence_expected`` says what the estimate is in the mean for true coherences of 0, 0.1 ... 0.9, with the
    mean number of looks: what it is above the truth is the bias of the estimator, where that is not corrected.
    """
    properties: dict[str, Any] = {
        "s1card:perpendicular_baseline": _rounded(context.measured("perpendicular_baseline_"), 2)
    }
    for shift in ("azimuth_shift", "range_shift"):
        estimated = context.measured(f"{shift}_")
        if estimated:
            properties[f"s1card:{shift}"] = _rounded(estimated, 5)
    looks = context.measured("coherence_looks_")
    if looks:
        mean = sum(looks.values()) / len(looks)
        is_corrected = bool(context.measures["coherence_bias_corrected"])
        properties |= {
            "s1card:coherence_window": [
                round(context.measures[f"coherence_window_{side}"]) for side in ("lines", "pixels")
            ],
            "s1card:coherence_looks": _rounded(looks, 3),
            "s1card:coherence_bias_corrected": is_corrected,
        }
        if not is_corrected:
            properties["s1card:coherence_expected"] = [
                round(expected_coherence(k / 10, mean), 4) for k in range(10)
            ]
    return properties


def _rounded(values: Mapping[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}


def _asset(file: FileFacts, media_type: str, roles: list[str], title: str) -> dict[str, Any]:
    return {
        "href": f"./{file.name}",
        "type": media_type,
        "title": title,
        "roles": roles,
        "file:size": file.size,
        "file:checksum": multihash(file.sha256),
    }


def _raster_asset(written: WrittenBand) -> dict[str, Any]:
    band = written.band
    is_data = band.name in POLARIZATIONS
    roles = ["data"] if is_data else ["metadata", _LAYER_ROLES.get(band.name, band.name)]
    asset = _asset(written.file, COG_TYPE, roles, band.description)
    if is_data:
        asset["sar:polarizations"] = [band.name]
    return asset | {"bands": [_band(written)]}


def _band(written: WrittenBand) -> dict[str, Any]:
    band, facts = written.band, written.facts
    entry: dict[str, Any] = {
        "name": band.name,
        "description": band.description,
        "data_type": facts.data_type,
        "raster:sampling": "area",
        "raster:spatial_resolution": facts.transform[0],
    }
    if band.unit:
        entry["unit"] = band.unit
    if facts.nodata is not None:
        entry["nodata"] = "nan" if math.isnan(facts.nodata) else facts.nodata
    if band.statistics is not None and band.statistics.count:
        entry["statistics"] = _statistics(band.statistics)
    return entry


def _statistics(statistics: BandStatistics) -> dict[str, float]:
    return {
        "minimum": statistics.minimum,
        "maximum": statistics.maximum,
        "mean": statistics.mean,
        "stddev": statistics.std,
        "count": statistics.count,
        "valid_percent": statistics.valid_percent,
    }
