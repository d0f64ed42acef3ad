"""A stand-in for SNAP's gpt: its command line, its way to find orbits and elevation models, its ways to fail.

What it computes comes from the native engine; so a card made through it must be the card of the native engine, if
orbit, elevation model, graph and output went both ways unharmed. Of SNAP's habits it has those that matter here:

* orbit files are found by folder and name alone, and a missing one is an error (there is no network);
* an external elevation model is read half a pixel off, to the north-west;
* BEAM-DIMAP comes with 0 for no data, and with GeoTools' names for coordinate systems.

``STANDIN_GPT`` in the environment chooses how it fails, see `MODES`; ``STANDIN_GPT_NOTES`` names a file to which
every run adds a line of JSON: arguments, environment, process; ``STANDIN_GPT_KEEP`` a folder to which it copies what it
wrote, and ``STANDIN_GPT_REPLAY`` one from which it takes that instead of computing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

DIAG = """SNAP Release version {version}
SNAP home: /opt/snap/bin/../
SNAP debug: null
SNAP log level: null
Java home: /opt/snap/jre
Java version: 17.0.10
Processors: 2
Max memory: 4.0 GB
Cache size: 1024.0 MB
Tile parallelism: 2
Tile size: 512 x 512 pixels

To configure your gpt memory usage:
Edit snap/bin/gpt.vmoptions
"""

TRACE = """
org.esa.snap.core.gpf.graph.GraphException: [NodeId: {node}] {message}
\tat org.esa.snap.core.gpf.graph.NodeContext.initTargetProduct(NodeContext.java:79)
\tat org.esa.snap.core.gpf.main.GPT.main(GPT.java:37)
Caused by: {cause}
\tat eu.esa.sar.sar.gpf.geometric.RangeDopplerGeocodingOp.initialize(RangeDopplerGeocodingOp.java:292)
\t... 11 more
"""

FAILURES = {
    "exception": ("Terrain-Correction", "null", "java.lang.NullPointerException: Cannot invoke getBand()"),
    "orbit": (
        "Apply-Orbit-File",
        "No valid orbit file found for 12-JUN-2021 05:26:22.000000",
        "java.io.IOException: No valid orbit file found for 12-JUN-2021 05:26:22.000000",
    ),
    "dem": (
        "Terrain-Correction",
        "Failed to load external DEM",
        "java.io.IOException: Failed to load external DEM /dem.tif",
    ),
    "disk": ("Write", "Not able to write", "java.io.IOException: No space left on device"),
    "network": ("Terrain-Correction", "step.esa.int", "java.net.UnknownHostException: step.esa.int"),
    "operator": (
        "Terrain-Correction",
        "Operator 'Terrain-Correction': failure",
        "org.esa.snap.core.gpf.OperatorException: SPI not found for operator 'Terrain-Correction'",
    ),
    "parameter": (
        "Calibration",
        "Operator 'CalibrationOp': Value for 'x'",
        "com.bc.ceres.binding.ConversionException: Unknown element 'clipNegativeValues'",
    ),
    "memory": ("Calibration", "Java heap space", "java.lang.OutOfMemoryError: Java heap space"),
}

MODES = (
    *FAILURES,
    "killed",  # by signal 9
    "hang",  # without a sign of life, a child beside it
    "deaf",  # the same, and both ignore SIGTERM
    "nothing",  # ends well without output
    "quiet-error",  # the same, and the log says why
    "empty",  # an output of no bytes
    "truncated",  # a band that ends early
    "blank",  # no valid sample
    "warnings",  # success with warnings
    "shifted",  # a row and a column less
    "slow",  # success, with a sign of life now and then
)


@dataclass
class Call:
    """A command line of gpt, taken apart."""

    graph: str = ""
    options: dict[str, str] = field(default_factory=dict)
    java: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def property(self, name: str) -> str:
        prefix = f"-D{name}="
        return next((text.removeprefix(prefix) for text in self.java if text.startswith(prefix)), "")


def parse(words: list[str]) -> Call:
    call, rest = Call(), list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-J"):
            call.java.append(word.removeprefix("-J"))
        elif word.startswith("-D"):
            call.java.append(word)
        elif word in ("-q", "-c", "-t", "-f", "-p", "-m"):
            call.options[word] = rest.pop(0)
        elif word in ("-e", "-x", "-h", "--diag"):
            call.flags.append(word)
        elif word[:2] in ("-P", "-S"):
            name, _, value = word[2:].partition("=")
            (call.parameters if word[1] == "P" else call.sources)[name] = value
        elif word.startswith("-"):
            fail(f"Error: Unknown option '{word}'")
        elif not call.graph:
            call.graph = word
        else:
            call.sources[f"sourceProduct{len(call.sources) or ''}"] = word
    return call


def fail(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
    sys.exit(1)


def note(call: Call) -> None:
    """Leave word of a run, and traces wherever SNAP leaves some."""
    file = os.environ.get("STANDIN_GPT_NOTES")
    if file:
        text = Path(call.graph).read_text() if call.graph else ""
        known = {
            "operators": re.findall(r"<operator>([^<]+)<", text),
            "arguments": sys.argv[1:],
            "home": os.environ["HOME"],
            "pid": os.getpid(),
            "cwd": str(Path.cwd()),
        }
        with Path(file).open("a") as stream:
            stream.write(json.dumps(known) + "\n")
    for name in ("snap.userdir", "java.io.tmpdir", "user.home", "snap.cachedir"):
        folder = Path(call.property(name) or f"/nowhere/{name}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trace").write_text(name)


def progress(stop: int = 100, pause: float = 0.0) -> None:
    sys.stdout.write("Executing processing graph\n")
    for percent in range(10, stop, 10):
        for dot in "....":
            sys.stdout.write(dot)
            sys.stdout.flush()
            time.sleep(pause)
        sys.stdout.write(f"{percent}%")
    if stop == 100:
        sys.stdout.write("....100% done.\n")
    sys.stdout.flush()


def main() -> None:
    call, mode = parse(sys.argv[1:]), os.environ.get("STANDIN_GPT", "")
    if "--diag" in call.flags:
        note(call)
        print(DIAG.format(version=os.environ.get("STANDIN_GPT_VERSION", "14.0.0")))
        return
    note(call)
    print(
        "INFO: org.esa.snap.core.gpf.operators.tooladapter: Initializing external tool adapters",
        file=sys.stderr,
    )
    if mode in FAILURES:
        progress(40)
        node, message, cause = FAILURES[mode]
        fail(TRACE.format(node=node, message=message, cause=cause) + f"\nError: [NodeId: {node}] {message}")
    if mode == "killed":
        progress(30)
        os.kill(os.getpid(), signal.SIGKILL)
    if mode in ("hang", "deaf"):
        hang(deaf=mode == "deaf")
    if mode == "nothing":
        progress()
        return
    if mode == "quiet-error":
        print("WARNING: java.io.IOException: No space left on device", file=sys.stderr)
        progress()
        return
    if mode == "warnings":
        print(
            "WARNING: eu.esa.sar: some tie points are doubtful\nWARNING: 50% of the DEM is void",
            file=sys.stderr,
        )
    if mode == "slow":
        progress(50, pause=0.05)
    replay = os.environ.get("STANDIN_GPT_REPLAY")
    if mode == "empty":
        target_of(call).write_bytes(b"")
    elif replay:
        again(call, Path(replay), mode)
    else:
        compute(call, mode)
        keep(call)
    progress()


def target_of(call: Call) -> Path:
    """The file of the last Write node."""
    return Path(re.findall(r"<file>([^<]+)</file>", Path(call.graph).read_text())[-1])


def keep(call: Call) -> None:
    folder = os.environ.get("STANDIN_GPT_KEEP")
    if folder:
        shutil.copytree(target_of(call).parent, folder, dirs_exist_ok=True)


def again(call: Call, folder: Path, mode: str) -> None:
    """Write what another run wrote, after a look at what this one was given."""
    dem = Path(re.search(r"<externalDEMFile>([^<]+)<", Path(call.graph).read_text())[1])
    orbits = list(Path(call.property("OrbitFiles.sentinel1POEOrbitPath")).rglob("*.EOF.zip"))
    given = {"dem": dem.stat().st_size, "orbits": [path.name for path in orbits]}
    time.sleep(0.2)
    target = target_of(call)
    for path in folder.iterdir():
        name = path.name.replace(next(folder.glob("*.dim")).stem, target.stem)
        if path.is_dir():
            shutil.copytree(path, target.parent / name)
        else:
            old = path.stem
            (target.parent / name).write_text(path.read_text("latin-1").replace(old, target.stem), "latin-1")
    # All the time nobody else may have touched any of it.
    now = {"dem": dem.stat().st_size, "orbits": [path.name for path in orbits if path.exists()]}
    wants_orbit = "<operator>Apply-Orbit-File<" in Path(call.graph).read_text()
    if (
        given != now
        or bool(orbits) != wants_orbit
        or Path(call.property("user.home"), "trace").read_text() != "user.home"
    ):
        fail(f"Error: disturbed: {given} became {now}")
    disguise(target, mode)


def hang(*, deaf: bool) -> None:
    """Wait for ever, with a child in the same process group that waits too."""
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if deaf else ""
    child = subprocess.Popen([sys.executable, "-c", f"{ignore}import time; time.sleep(600)"])
    progress(20)
    file = os.environ.get("STANDIN_GPT_NOTES")
    if file:
        with Path(file).open("a") as stream:
            stream.write(json.dumps({"child": child.pid, "pid": os.getpid()}) + "\n")
    time.sleep(600)


def compute(call: Call, mode: str) -> None:
    from s1card.engine.native.context import Surroundings
    from s1card.engine.native.engine import NativeEngine
    from s1card.errors import S1CardError
    from s1card.graph.fill import fill, with_sources
    from s1card.graph.xml import read_graph

    try:
        graph = with_sources(fill(read_graph(Path(call.graph)), call.parameters), call.sources)
        graph = with_snaps_dems(graph)
        orbit = find_orbits(graph, call)
        engine = NativeEngine(Surroundings(orbit=orbit, threads=int(call.options.get("-q", 1))))
        for written in engine.run(graph):
            for path in written.paths:
                disguise(path, mode)
    except S1CardError as error:
        fail(f"Error: {error}")


def find_orbits(graph, call: Call) -> str:
    """The orbit folder, if every scene finds its file by month and name, as SNAP looks; else SNAP's error."""
    from s1card.scene.orbit import parse_orbit_name
    from s1card.scene.reader import open_scene

    folder = Path(call.property("OrbitFiles.sentinel1POEOrbitPath"))
    found = "none"
    for node in graph.in_order():
        if node.operator != "Apply-Orbit-File":
            continue
        source = node
        while source.operator != "Read":
            source = graph.sources_of(source)[0]
        annotation = open_scene(source.value("file")).images[0].annotation
        time = annotation.state_vectors.time[0]
        month = folder / annotation.mission / str(time.astype("datetime64[M]")).replace("-", "/")
        names = list(month.glob("*_OPER_AUX_POEORB_OPOD_*.EOF.zip"))
        fitting = [path for path in names if parse_orbit_name(path.name).covers(time, time)]
        if not fitting:
            fail(f"Error: [NodeId: {node.id}] No valid orbit file found for {time}")
        found = str(folder)
    return found


def with_snaps_dems(graph):
    """The graph with elevation models as SNAP sees them: half a pixel further to the north-west."""
    import rasterio
    from rasterio.transform import Affine

    from s1card.graph.fill import override_parameter

    for node in graph.nodes:
        file = node.value("externalDEMFile")
        if not file:
            continue
        seen = Path(file).with_suffix(".seen.tif")
        with rasterio.open(file) as source:
            transform = source.transform @ Affine.translation(-0.5, -0.5)
            profile = source.profile | {"transform": transform}
            with rasterio.open(seen, "w", **profile) as target:
                target.write(source.read())
        graph = override_parameter(graph, node.id, "externalDEMFile", str(seen))
    return graph


def disguise(path: Path, mode: str) -> None:
    """An output as SNAP would have written it, or as the mode wants it."""
    import numpy as np

    if path.suffix != ".dim":
        if mode == "empty":
            path.write_bytes(b"")
        return
    text = path.read_text("latin-1")
    text = re.sub(r"<NO_DATA_VALUE>NaN<", "<NO_DATA_VALUE>0.0<", text)
    text = re.sub(r"WGS 84 / UTM zone (\d+)N", r"UTM Zone \1 / World Geodetic System 1984", text)
    text = re.sub(r',\s*AUTHORITY\["EPSG","\d+"\]', "", text)
    files = sorted(path.with_suffix(".data").glob("*.img"))
    for file in files:
        header = file.with_suffix(".hdr").read_text()
        if "data type = 4" not in header:
            continue
        data = np.fromfile(file, ">f4")
        data[np.isnan(data) | (mode == "blank")] = 0.0
        data.tofile(file)
        file.with_suffix(".hdr").write_text(header.replace("= nan", "= 0.0"))
    if mode == "empty":
        path.write_bytes(b"")
        return
    if mode == "truncated":
        with files[0].open("r+b") as stream:
            stream.truncate(files[0].stat().st_size // 2)
    if mode == "shifted":
        text = shifted(text, files)
    path.write_text(text, "latin-1")


def shifted(text: str, files: list[Path]) -> str:
    """A raster that has lost its first row and column, as where SNAP's extent falls short."""
    import numpy as np

    rows, cols = (int(re.search(rf"<{name}>(\d+)<", text)[1]) for name in ("NROWS", "NCOLS"))
    for file in files:
        data = np.fromfile(file, ">f4").reshape(rows, cols)[1:, 1:]
        data.tofile(file)
        header = file.with_suffix(".hdr").read_text()
        header = header.replace(f"samples = {cols}", f"samples = {cols - 1}")
        file.with_suffix(".hdr").write_text(header.replace(f"lines = {rows}", f"lines = {rows - 1}"))
    numbers = [float(n) for n in re.search(r"TRANSFORM>([^<]+)<", text)[1].split(",")]
    numbers[4] += numbers[0]
    numbers[5] += numbers[3]
    text = re.sub(r"TRANSFORM>[^<]+<", f"TRANSFORM>{','.join(map(repr, numbers))}<", text)
    return text.replace(f"<NROWS>{rows}<", f"<NROWS>{rows - 1}<").replace(
        f"<NCOLS>{cols}<", f"<NCOLS>{cols - 1}<"
    )


def install(folder: Path) -> Path:
    """SNAP's folder with this as its ``bin/gpt``; returns the program."""
    program = folder / "bin" / "gpt"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n')
    program.chmod(0o755)
    return program


if __name__ == "__main__":
    main()
