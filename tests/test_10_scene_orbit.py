"""Orbit files: names, reading, joining, choosing; hand-made ones and the real ones."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safe_factory import SafeCase, write_safe

from s1card.errors import OrbitError
from s1card.scene import (
    choose_orbit,
    find_orbit_file,
    join_orbits,
    open_scene,
    parse_orbit_name,
    read_orbit_file,
)

T0 = np.datetime64("2023-10-13T12:00:00.000000")
SECOND = np.timedelta64(1, "s")
START, STOP = T0, T0 + 25 * SECOND


def stamp(seconds: int) -> str:
    """The compact time that many seconds from T0."""
    return str((T0 + seconds * SECOND).astype("datetime64[s]")).replace("-", "").replace(":", "")


def write_orbit(
    folder: Path,
    first: int,
    last: int,
    *,
    kind: str = "POEORB",
    platform: str = "S1A",
    made: int = 0,
    offset: float = 0.0,
) -> Path:
    """An orbit file with a vector every 10 s from ``first`` to ``last`` seconds; x is the second from T0."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{platform}_OPER_AUX_{kind}_OPOD_{stamp(made)}_V{stamp(first)}_{stamp(last)}.EOF"
    vectors = "".join(
        f"""<OSV><TAI>TAI=x</TAI><UTC>UTC={T0 + second * SECOND}</UTC><UT1>UT1=x</UT1>
<X unit="m">{second + offset}</X><Y unit="m">7000000.125</Y><Z unit="m">-1.5</Z>
<VX unit="m/s">1.0</VX><VY unit="m/s">2.0</VY><VZ unit="m/s">3.0</VZ><Quality>NOMINAL</Quality></OSV>"""
        for second in range(first, last + 1, 10)
    )
    (folder / name).write_text(f"""<?xml version="1.0" ?>
<Earth_Explorer_File><Earth_Explorer_Header><Fixed_Header><Mission>Sentinel-{platform[1:]}</Mission>
<File_Type>AUX_{kind}</File_Type></Fixed_Header>
<Variable_Header><Ref_Frame>EARTH_FIXED</Ref_Frame></Variable_Header></Earth_Explorer_Header>
<Data_Block type="xml"><List_of_OSVs>{vectors}</List_of_OSVs></Data_Block></Earth_Explorer_File>""")
    return folder / name


@pytest.mark.parametrize("suffix", ["", ".EOF", ".EOF.zip", ".zip"])
def test_name(suffix: str) -> None:
    stem = "S1A_OPER_AUX_POEORB_OPOD_20140822T000000_V20140509T225944_20140511T005944"
    name = parse_orbit_name(f"POEORB/S1A/2014/05/{stem}{suffix}")
    assert (name.platform, name.kind) == ("S1A", "POEORB")
    assert name.start == np.datetime64("2014-05-09T22:59:44")
    assert name.stop == np.datetime64("2014-05-11T00:59:44")
    assert name.production == np.datetime64("2014-08-22T00:00:00")
    assert name.covers(name.start, name.stop)
    assert not name.covers(name.start, name.stop + SECOND)


def test_name_in_mjd2000() -> None:
    name = parse_orbit_name("S1A_OPER_AUX_RESORB_OPOD_20140525T190000_V20140525T151921_20140525T183641.EOF")
    days = (np.array([name.start, name.stop]) - np.datetime64("2000-01-01T00:00:00")) / np.timedelta64(1, "D")
    assert days == pytest.approx([5258.6384375, 5258.775474537037], abs=1e-9)


@pytest.mark.parametrize(
    "name", ["orbit.EOF", "S1A_OPER_AUX_PREORB_OPOD_20211223T042026_V20211223T025451_20211223T092951"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(OrbitError, match="not the name of an orbit file"):
        parse_orbit_name(name)


def test_read_cuts_to_the_margin(tmp_path: Path) -> None:
    vectors = read_orbit_file(write_orbit(tmp_path, -1000, 1000), START, STOP, "S1A")
    assert vectors.time[0] == T0 - 120 * SECOND
    assert vectors.time[-1] == T0 + 140 * SECOND
    assert vectors.position[0].tolist() == [-120.0, 7000000.125, -1.5]
    assert vectors.velocity[-1].tolist() == [1.0, 2.0, 3.0]
    assert vectors.source == "POEORB"
    assert vectors.name.endswith(".EOF")


def test_read_zip_and_short_file(tmp_path: Path) -> None:
    path = write_orbit(tmp_path, -30, 50, kind="RESORB")
    zipped = tmp_path / f"{path.name}.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(path, path.name)
    vectors = read_orbit_file(zipped, START, STOP)
    assert vectors.position[:, 0].tolist() == list(range(-30, 51, 10))
    assert (vectors.source, vectors.name) == ("RESORB", path.name)


@pytest.mark.parametrize(("first", "last"), [(-1000, 20), (5, 1000), (2000, 3000), (-3000, -2000)])
def test_orbit_that_does_not_cover_is_refused(tmp_path: Path, first: int, last: int) -> None:
    with pytest.raises(OrbitError, match="do not cover the acquisition") as caught:
        read_orbit_file(write_orbit(tmp_path, first, last), START, STOP)
    assert caught.value.exit_code == 3
    assert "--orbit none" in caught.value.advice


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Sentinel-1A", "Sentinel-1B", "the orbit is of Sentinel-1B, the scene of S1A"),
        ("EARTH_FIXED", "GM2000", "not earth fixed"),
        ("UTC=2023-10-13T12:00:10", "UTC=2023-10-13T12:00:00", "not in order of time"),
        ("UTC=2023-10-13T12:00:10", "UTC=soon", "unreadable time"),
        ('<X unit="m">10.0</X>', "", "incomplete"),
        ('<X unit="m">10.0</X>', '<X unit="m">NaN</X>', "NaN or infinite"),
        ("<List_of_OSVs>", "<List_of_OSVs/><Cut>", "XML cannot be read"),
        ("Data_Block", "Cut", "XML cannot be read"),
    ],
)
def test_damaged_orbit_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_orbit(tmp_path, -1000, 1000)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(OrbitError, match=message) as caught:
        read_orbit_file(path, START, STOP, "S1A")
    assert str(path) in caught.value.subject


def test_no_orbit_file(tmp_path: Path) -> None:
    with pytest.raises(OrbitError, match="cannot be read"):
        read_orbit_file(tmp_path / "absent.EOF", START, STOP)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(OrbitError, match="holds 0 EOF files"):
        read_orbit_file(tmp_path / "empty.zip", START, STOP)
    with pytest.raises(OrbitError, match="has 2 state vectors"):
        read_orbit_file(write_orbit(tmp_path, 0, 10), START, STOP)


def test_degraded_vectors_are_mentioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_orbit(tmp_path, -1000, 1000)
    path.write_text(path.read_text().replace("NOMINAL", "DEGRADED"))
    with caplog.at_level(logging.WARNING):
        read_orbit_file(path, START, STOP)
    assert "27 of the 27 state vectors" in caplog.text


def test_join_overlapping(tmp_path: Path) -> None:
    first = read_orbit_file(write_orbit(tmp_path, -100, 10, kind="RESORB"), START, T0, "S1A")
    second = read_orbit_file(write_orbit(tmp_path, -50, 120, kind="RESORB", offset=0.5), START, STOP, "S1A")
    joined = join_orbits(first, second)
    assert joined.position[:, 0].tolist() == [*range(-100, 11, 10), *(x + 0.5 for x in range(20, 121, 10))]
    assert (np.diff(joined.time) == 10 * SECOND).all()
    assert joined.name == f"{first.name} + {second.name}"
    assert joined.source == "RESORB"


def test_join_refuses_a_gap(tmp_path: Path) -> None:
    first = read_orbit_file(write_orbit(tmp_path, -100, 10, kind="RESORB"), START, T0)
    second = read_orbit_file(write_orbit(tmp_path, 30, 130, kind="RESORB"), T0 + 30 * SECOND, STOP)
    with pytest.raises(OrbitError, match="gap between them"):
        join_orbits(first, second)
    with pytest.raises(OrbitError, match="gap between them"):
        join_orbits(second, first)


def test_best_file_of_a_folder(tmp_path: Path) -> None:
    def best() -> list[str]:
        return [path.name for path in find_orbit_file(tmp_path, "S1A", START, STOP)]

    assert best() == []
    early = write_orbit(tmp_path, -1000, 10, kind="RESORB")
    late = write_orbit(tmp_path, 5, 1005, kind="RESORB")
    assert best() == [early.name, late.name]
    whole = write_orbit(tmp_path, -500, 500, kind="RESORB", made=1)
    assert best() == [whole.name]
    newer = write_orbit(tmp_path, -400, 400, kind="RESORB", made=2)
    assert best() == [newer.name]
    write_orbit(tmp_path, -50_000, 50_000, platform="S1B")
    write_orbit(tmp_path, -50_000, -10_000)
    assert best() == [newer.name]
    precise = write_orbit(tmp_path / "POEORB/S1A/2023/10", -5000, 5000)
    assert best() == [precise.name]
    assert find_orbit_file(tmp_path, "S1A", START, STOP, kinds=("RESORB", "POEORB")) == [newer]
    assert find_orbit_file(tmp_path, "S1C", START, STOP) == []


def test_choose(tmp_path: Path) -> None:
    annotation = open_scene(write_safe(tmp_path, SafeCase(polarizations=("VV",)))).images[0].annotation
    assert choose_orbit(annotation, "none") is annotation.state_vectors
    folder = tmp_path / "orbits"
    folder.mkdir()
    with pytest.raises(OrbitError, match="no POEORB or RESORB file of S1A for 2023-10-13T12:00:00"):
        choose_orbit(annotation, folder)
    # The image lasts from 0 to 0.0585 s: neither of these covers it, both do.
    cut = [write_orbit(folder, -100, 0, kind="RESORB"), write_orbit(folder, -10, 300, kind="RESORB")]
    cut[1].unlink()
    cut[1] = write_orbit(folder, 0, 300, kind="RESORB")
    assert choose_orbit(annotation, folder).name == cut[1].name
    file = write_orbit(tmp_path / "else", -1000, 1000)
    assert choose_orbit(annotation, str(file)).source == "POEORB"
    with pytest.raises(OrbitError, match="Sentinel-1B"):
        choose_orbit(annotation, write_orbit(tmp_path / "else", -1000, 1000, platform="S1B"))


def test_real_restituted_files_join(shared: Path) -> None:
    folder = shared / "data/orbits"
    start, stop = np.datetime64("2023-08-23T15:48:50", "us"), np.datetime64("2023-08-23T15:49:15", "us")
    (only,) = find_orbit_file(folder, "S1A", start, stop)
    assert "20230823T174849" in only.name
    start = np.datetime64("2023-08-23T14:00:00", "us")
    files = find_orbit_file(folder, "S1A", start, stop)
    assert [parse_orbit_name(path.name).start for path in files] == [
        np.datetime64("2023-08-23T12:31:39"),
        np.datetime64("2023-08-23T14:10:24"),
    ]
    first = read_orbit_file(files[0], start, stop - 30 * SECOND, "S1A")
    second = read_orbit_file(files[1], stop, stop, "S1A")
    joined = join_orbits(first, second)
    steps = np.diff(joined.time) / SECOND
    assert (np.delete(steps, first.time.size - 1) == 10).all()
    assert 5 <= steps[first.time.size - 1] <= 15
    # Both files describe one orbit: position moves on with the velocity across the seam.
    seam = first.time.size - 1
    moved = joined.position[seam + 1] - joined.position[seam]
    mean_velocity = (joined.velocity[seam] + joined.velocity[seam + 1]) / 2
    assert moved == pytest.approx(mean_velocity * steps[seam], abs=5.0)


def test_real_precise_file(shared: Path) -> None:
    (path,) = (shared / "data/orbits").glob("*POEORB*")
    start, stop = np.datetime64("2023-10-13T12:00:01", "us"), np.datetime64("2023-10-13T12:00:26", "us")
    vectors = read_orbit_file(path, start, stop, "S1A")
    assert vectors.time.size == 27
    assert vectors.time[0] == np.datetime64("2023-10-13T11:58:02")
    assert np.linalg.norm(vectors.velocity, axis=1) == pytest.approx(7595, abs=40)
    whole = read_orbit_file(
        path, np.datetime64("2023-10-12T23:00", "us"), np.datetime64("2023-10-14T00:59", "us")
    )
    assert whole.time.size == 9361


def test_real_restituted_file_of_the_azores(shared: Path) -> None:
    (path,) = (shared / "data/slc-crop-azores").glob("*.EOF")
    start, stop = np.datetime64("2022-09-18T05:31:56", "us"), np.datetime64("2022-09-18T08:49", "us")
    vectors = read_orbit_file(path, start, stop, "S1A")
    assert vectors.time.size == 1186
    mjd2000 = (vectors.time[0] - np.datetime64("2000-01-01T00:00:00")) / np.timedelta64(1, "us") * 1e-6
    assert mjd2000 == pytest.approx(716794315.470319, abs=1e-6)
