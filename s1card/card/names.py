"""Names of cards: build and parse our own, and translate to and from those of the JRC system."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from s1card.errors import UsageError

_STAMP = r"\d{8}T\d{6}"
_BACKSCATTER = re.compile(r"(?P<scene>[A-Za-z0-9_-]+?)_CARD_BS(?P<flat>_RTC)?(?:_(?P<variant>[0-9A-F]{4}))?")
_COHERENCE = re.compile(
    rf"S1_(?P<mode>[A-Z0-9]{{2}})_CARD_COH6_(?P<polarizations>1S[SD][HV])_(?P<reference>{_STAMP})"
    rf"_(?P<secondary>{_STAMP})_R(?P<orbit>\d{{3}})_(?P<variant>[0-9A-F]{{4}})"
)
_LEGACY_COHERENCE = re.compile(
    rf"(?P<sensor>S1[A-Z])_(?P<start>{_STAMP})__?(?P<other_sensor>\d[A-Z])__?(?P<other_start>{_STAMP})"
    rf"_(?P<other_stop>{_STAMP})_CARD-COH(?P<days>6|12)"
)
_SCENE_START = re.compile(rf"(?P<sensor>S1[A-Z])_\w+?_(?P<start>{_STAMP})_")


def parameter_hash(parameters: Mapping[str, str]) -> str:
    """Four hexadecimal digits (upper case) of parameters, the same whatever their order; "" for none.

    They are the first digits of the SHA-256 of the parameters as JSON with sorted keys and no spaces.
    """
    if not parameters:
        return ""
    text = json.dumps(dict(parameters), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:4].upper()


@dataclass(frozen=True)
class BackscatterName:
    """Identity of a backscatter card: ``<GRD name>_CARD_BS``, ``_RTC`` where terrain-flattened.

    Attributes:
        scene: Name of the GRD product without ``.SAFE``.
        is_flattened: Whether gamma0 is terrain-flattened (CARD-BS-RTC).
        variant: ``parameter_hash`` of what differs from the recipe's defaults, "" for the standard card.
    """

    scene: str
    is_flattened: bool = False
    variant: str = ""

    def __str__(self) -> str:
        kind = "CARD_BS_RTC" if self.is_flattened else "CARD_BS"
        return "_".join(filter(None, (self.scene, kind, self.variant)))


@dataclass(frozen=True)
class CoherenceName:
    """Identity of a coherence card; times are ``YYYYMMDDTHHMMSS``, the reference is the later acquisition."""

    reference_start: str
    secondary_start: str
    relative_orbit: int
    variant: str
    mode: str = "IW"
    polarizations: str = "1SDV"

    def __str__(self) -> str:
        return (
            f"S1_{self.mode}_CARD_COH6_{self.polarizations}_{self.reference_start}_{self.secondary_start}"
            f"_R{self.relative_orbit:03d}_{self.variant}"
        )


@dataclass(frozen=True)
class LegacyCoherenceName:
    """Identity of a coherence product of the JRC system.

    The start of the later acquisition (main) stands first and gives the product its date and sensor.

    Attributes:
        sensor, other_sensor: ``S1A`` and ``1A``, as the names spell them.
        days: 6 or 12, nominal days between the acquisitions.
    """

    sensor: str
    start: str
    other_sensor: str
    other_start: str
    other_stop: str
    days: int

    def __str__(self) -> str:
        # A COH6 name has seven parts between underscores, a COH12 name eight.
        gap = "_" if self.days == 6 else "__"
        return (
            f"{self.sensor}_{self.start}__{self.other_sensor}{gap}{self.other_start}_{self.other_stop}"
            f"_CARD-COH{self.days}"
        )


@dataclass(frozen=True)
class LegacyLayout:
    """Where the JRC system's stores keep a product: templates of the key of one polarization.

    ``{ref}`` is the reference (name), ``{pol}`` the polarization, ``{sensor}`` S1A ..., and the date that of
    the (main) acquisition. A coherence product is one file of two bands, so its key names no polarization.
    """

    store: str
    kind: str
    key: str


LEGACY_LAYOUTS = (
    LegacyLayout("local", "CARD_BS", "{ref}.data/Gamma0_{pol}.img"),
    LegacyLayout("local", "CARD_COH", "{ref}/{ref}.tif"),
    LegacyLayout(
        "creodias", "CARD_BS", "Sentinel-1/SAR/CARD-BS/{year}/{month}/{day}/{ref}/{ref}.data/Gamma0_{pol}.img"
    ),
    LegacyLayout("creodias", "CARD_COH", "Sentinel-1/SAR/{type}/{year}/{month}/{day}/{ref}/{ref}.tif"),
    LegacyLayout("sobloo", "CARD_BS", "{sensor}/GRD/{ref}/{ref}.data/Gamma0_{pol}.img"),
    LegacyLayout("sobloo", "CARD_COH", "{sensor}/SLC/{ref}/{ref}.tif"),
)


def parse_card_id(text: str) -> BackscatterName | CoherenceName:
    """The identity that one of our card ids states.

    Raises:
        UsageError: The text is no card id.
    """
    if match := _COHERENCE.fullmatch(text):
        return CoherenceName(
            match["reference"],
            match["secondary"],
            int(match["orbit"]),
            match["variant"],
            match["mode"],
            match["polarizations"],
        )
    if match := _BACKSCATTER.fullmatch(text):
        return BackscatterName(match["scene"], match["flat"] is not None, match["variant"] or "")
    raise UsageError(
        "not the id of a card", subject=text, advice="Ids look like <GRD name>_CARD_BS or S1_IW_CARD_COH6_..."
    )


def parse_legacy(reference: str) -> BackscatterName | LegacyCoherenceName:
    """The identity that a reference of the JRC system's catalogue states.

    Raises:
        UsageError: The reference follows none of the known patterns.
    """
    if match := _LEGACY_COHERENCE.fullmatch(reference):
        return LegacyCoherenceName(
            match["sensor"],
            match["start"],
            match["other_sensor"],
            match["other_start"],
            match["other_stop"],
            int(match["days"]),
        )
    match = _BACKSCATTER.fullmatch(reference)
    if match and not match["flat"] and not match["variant"]:
        return BackscatterName(match["scene"])
    raise UsageError(
        "not a reference of a CARD product",
        subject=reference,
        advice="References look like <GRD name>_CARD_BS or S1A_<start>__1B_<start>_<stop>_CARD-COH6",
    )


def to_legacy(name: BackscatterName) -> str:
    """The reference under which the JRC system knows the backscatter of a scene.

    That system has one CARD-BS per scene: neither flattening nor parameters have a place in its names.
    """
    return str(replace(name, is_flattened=False, variant=""))


def legacy_key(reference: str, polarization: str, store: str = "local") -> str:
    """Path or object key of one band of a legacy product.

    Args:
        reference: Name in the JRC system's catalogue.
        polarization: ``VV`` or ``VH``.
        store: ``local`` (a folder of products), ``creodias`` or ``sobloo``.

    Raises:
        UsageError: Unknown reference or store.
    """
    name = parse_legacy(reference)
    kind = "CARD_COH" if isinstance(name, LegacyCoherenceName) else "CARD_BS"
    sensor, start = _sensor_and_start(name)
    for layout in LEGACY_LAYOUTS:
        if (layout.store, layout.kind) == (store, kind):
            return layout.key.format(
                ref=reference,
                pol=polarization,
                sensor=sensor,
                type=reference.rsplit("_", 1)[1],
                year=start[:4],
                month=start[4:6],
                day=start[6:8],
            )
    known = ", ".join(dict.fromkeys(layout.store for layout in LEGACY_LAYOUTS))
    raise UsageError("unknown store of legacy products", subject=store, advice=f"Known are {known}")


def _sensor_and_start(name: BackscatterName | LegacyCoherenceName) -> tuple[str, str]:
    """Sensor and start of the acquisition that dates a legacy product."""
    if isinstance(name, LegacyCoherenceName):
        return name.sensor, name.start
    if match := _SCENE_START.match(name.scene):
        return match["sensor"], match["start"]
    raise UsageError("the name of a Sentinel-1 product holds a start time", subject=name.scene)
