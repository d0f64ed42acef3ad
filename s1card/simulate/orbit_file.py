"""The precise orbit file that belongs to a scene: 26 hours of vectors every 10 s."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from s1card.simulate.flight import Flight
from s1card.simulate.orbit import PERIOD
from s1card.simulate.product import compact

STEP = 10
_LEAP_SECONDS = np.timedelta64(37, "s")  # TAI - UTC since 2017
_HEAD = """<?xml version="1.0" ?>
<Earth_Explorer_File>
  <Earth_Explorer_Header>
    <Fixed_Header>
      <File_Name>{name}</File_Name>
      <File_Description>Precise Orbit Ephemerides (POE) Orbit File</File_Description>
      <Notes></Notes>
      <Mission>Sentinel-{platform}</Mission>
      <File_Class>OPER</File_Class>
      <File_Type>AUX_POEORB</File_Type>
      <Validity_Period>
        <Validity_Start>UTC={start}</Validity_Start>
        <Validity_Stop>UTC={stop}</Validity_Stop>
      </Validity_Period>
      <File_Version>0001</File_Version>
      <Source>
        <System>s1card</System>
        <Creator>simulate</Creator>
        <Creator_Version>1.0</Creator_Version>
        <Creation_Date>UTC={created}</Creation_Date>
      </Source>
    </Fixed_Header>
    <Variable_Header>
      <Ref_Frame>EARTH_FIXED</Ref_Frame>
      <Time_Reference>UTC</Time_Reference>
    </Variable_Header>
  </Earth_Explorer_Header>
  <Data_Block type="xml">
    <List_of_OSVs count="{count}">
"""
_VECTOR = """      <OSV>
        <TAI>TAI={tai}</TAI>
        <UTC>UTC={utc}</UTC>
        <UT1>UT1={utc}</UT1>
        <Absolute_Orbit>+{orbit}</Absolute_Orbit>
        <X unit="m">{p[0]:.6f}</X>
        <Y unit="m">{p[1]:.6f}</Y>
        <Z unit="m">{p[2]:.6f}</Z>
        <VX unit="m/s">{v[0]:.6f}</VX>
        <VY unit="m/s">{v[1]:.6f}</VY>
        <VZ unit="m/s">{v[2]:.6f}</VZ>
        <Quality>NOMINAL</Quality>
      </OSV>
"""
_TAIL = """    </List_of_OSVs>
  </Data_Block>
</Earth_Explorer_File>
"""


def write_orbit_file(folder: Path, flight: Flight, time: np.datetime64) -> Path:
    """Write the POEORB file whose validity covers the day of a UTC time, and return its path."""
    start, stop = _validity(time)
    created = stop + np.timedelta64(20, "D")
    span = f"V{compact(start)}_{compact(stop)}"
    name = f"{flight.platform}_OPER_AUX_POEORB_OPOD_{compact(created)}_{span}"
    utc = np.arange(start, stop + np.timedelta64(1, "s"), np.timedelta64(STEP, "s"))
    dates = {"start": start, "stop": stop, "created": created}
    head = _HEAD.format(name=name, platform=flight.platform[1:], count=utc.size, **dates)
    path = folder / f"{name}.EOF"
    path.write_text(head + "".join(_vectors(flight, utc)) + _TAIL, encoding="utf-8")
    return path


def _validity(time: np.datetime64) -> tuple[np.datetime64, np.datetime64]:
    """From 22:59:42 of the day before to 00:59:42 of the day after."""
    day = time.astype("datetime64[D]").astype("datetime64[s]")
    return (
        np.datetime64(day - np.timedelta64(3618, "s")),
        np.datetime64(day + np.timedelta64(86400 + 3582, "s")),
    )


def _vectors(flight: Flight, utc: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> list[str]:
    seconds = (utc.astype("datetime64[us]") - flight.epoch) / np.timedelta64(1, "us") * 1e-6
    position, velocity = flight.orbit.position(seconds), flight.orbit.velocity(seconds)
    turns = (seconds - flight.orbit.ascending_node_time) / PERIOD
    orbit = flight.numbers.absolute_orbit + np.floor(turns).astype(int)
    tai = utc + _LEAP_SECONDS
    return [
        _VECTOR.format(
            tai=f"{tai[k]}.000000", utc=f"{utc[k]}.000000", orbit=orbit[k], p=position[k], v=velocity[k]
        )
        for k in range(utc.size)
    ]
