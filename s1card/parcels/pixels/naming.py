"""What names of products and tags of rasters say of an observation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shapely.geometry.base import BaseGeometry

from s1card.card.names import LegacyCoherenceName, parse_legacy
from s1card.errors import UsageError
from s1card.parcels.pixels.codes import CARDS
from s1card.parcels.pixels.records import Given
from s1card.parcels.records import Observation
from s1card.scene.manifest import expected_relative_orbit

_STAMP = re.compile(r"(?<!\d)\d{8}T\d{6}(?!\d)")
_SENSOR = re.compile(r"(?<![A-Za-z0-9])S([12][A-D])(?![A-Za-z0-9])")
_SCENE = re.compile(r"(S1[A-D])_[A-Z0-9]{2}_\w{4}_\w{4}_\d{8}T\d{6}_\d{8}T\d{6}_(\d{6})_")
_CARDS = ((r"CARD[-_]BS", "bs"), (r"COH6", "c6"), (r"COH12", "c1"), (r"_MSIL2A_", "s2"))


@dataclass(frozen=True)
class Facts:
    """What is known of an observation; None or "" where it is not. Fields as in `Observation`."""

    obstime: datetime | None = None
    sensor: str = ""
    card: str = ""
    orbit_direction: str | None = None
    relative_orbit: int | None = None
    pair_sensor: str | None = None
    pair_time: datetime | None = None


def facts_of_name(name: str) -> Facts:
    """What the name of a product says.

    Understood are ``<GRD name>_CARD_BS``, ``S1A_..._CARD-COH6``, ``S2A_MSIL2A_...``, and of any other name what looks
    like a start time (``20240101T010035``) and a sensor (``S1A``).
    """
    try:
        legacy = parse_legacy(name)
    except UsageError:
        legacy = None
    if isinstance(legacy, LegacyCoherenceName):
        return Facts(
            parse_stamp(legacy.start),
            legacy.sensor[1:],
            "c6" if legacy.days == 6 else "c1",
            pair_sensor=legacy.other_sensor,
            pair_time=parse_stamp(legacy.other_start),
        )
    stamp, sensor, scene = _STAMP.search(name), _SENSOR.search(name.replace("_", " ")), _SCENE.match(name)
    return Facts(
        parse_stamp(stamp[0]) if stamp else None,
        sensor[1] if sensor else "",
        next((card for pattern, card in _CARDS if re.search(pattern, name)), ""),
        relative_orbit=expected_relative_orbit(scene[1], int(scene[2])) if scene else None,
    )


def facts_of_tags(tags: Mapping[str, str]) -> Facts:
    """What the tags say that our cards' rasters carry; nothing where they are missing."""
    times = [
        to_utc(datetime.fromisoformat(text))
        for text in tags.get("ACQUISITION_DATETIME", "").split(", ")
        if text
    ]
    source = tags.get("SOURCE", "")
    sensor = _SENSOR.search(source.replace("_", " "))
    return Facts(
        times[0] if times else None,
        sensor[1] if sensor else "",
        next((card for pattern, card in _CARDS if re.search(pattern, tags.get("CARD_ID", ""))), ""),
        tags["ORBIT_DIRECTION"].lower() if tags.get("ORBIT_DIRECTION") else None,
        int(tags["RELATIVE_ORBIT"]) if tags.get("RELATIVE_ORBIT", "").isdigit() else None,
        pair_time=times[1] if len(times) > 1 else None,
    )


def _times(text: str) -> list[datetime]:
    """The times of a tag; none where it is not written as we do."""
    try:
        return [to_utc(datetime.fromisoformat(time)) for time in text.split(", ") if time]
    except ValueError:
        return []


def merged(first: Facts, second: Facts) -> Facts:
    """What the first says, and the second where the first is silent."""
    return replace(second, **{name: value for name, value in vars(first).items() if value})


def observe(reference: str, facts: Facts, given: Given, footprint: BaseGeometry, source: str) -> Observation:
    """An observation from what is known of it; what the user states comes first.

    Raises:
        UsageError: Time, sensor or card are unknown, or what the user states is impossible.
    """
    obstime = to_utc(given.obstime) if given.obstime else facts.obstime
    card, sensor = given.card or facts.card, given.sensor or facts.sensor
    missing = [
        name for name, value in (("obstime", obstime), ("sensor", sensor), ("card", card)) if not value
    ]
    if missing or obstime is None:
        raise UsageError(
            f"neither its name nor its tags say everything about it; unknown: {', '.join(missing)}",
            subject=source,
            advice=f"State it: --obstime 2021-05-31T05:10:00, --sensor 1A, --card-kind {'|'.join(CARDS)}",
        )
    observation = Observation(
        reference=reference,
        obstime=obstime,
        sensor=sensor,
        card=card,
        footprint=footprint,
        orbit_direction=facts.orbit_direction,
        relative_orbit=facts.relative_orbit,
        pair_sensor=facts.pair_sensor,
        pair_time=facts.pair_time,
        source=source,
    )
    return stated(observation, given)


def stated(observation: Observation, given: Given) -> Observation:
    """An observation with what the user states of it.

    Raises:
        UsageError: What the user states is impossible.
    """
    if given.card and given.card not in CARDS:
        raise UsageError(f"card {given.card!r} is unknown", advice=f"Use one of {', '.join(CARDS)}")
    if given.orbit_direction not in (None, "ascending", "descending"):
        raise UsageError(
            f"orbit direction {given.orbit_direction!r} is unknown", advice="Use ascending or descending"
        )
    names = ("reference", "sensor", "card", "orbit_direction", "relative_orbit")
    changes = {name: getattr(given, name) for name in names if getattr(given, name)}
    if given.obstime:
        changes["obstime"] = to_utc(given.obstime)
    return replace(observation, **changes)


def parse_stamp(text: str) -> datetime:
    """A time as product names have it, ``20240101T010035``."""
    return datetime.strptime(text, "%Y%m%dT%H%M%S")


def to_utc(time: datetime) -> datetime:
    """UTC without a time zone, as the catalogue has it; a time without one is taken as UTC."""
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
