"""Texts of ``gpt -h`` and ``gpt --diag``."""

from __future__ import annotations

import os
import platform
import sys

import s1card
from s1card.graph.help import operator_help, operator_list
from s1card.graph.operators import find_operator

SNAP_VERSION = "14.0.0"
"""The SNAP whose operators, parameters and defaults are followed."""

_USAGE = """\
Usage:
  gpt <op>|<graph-file> [options] [<source-file-1> <source-file-2> ...]

Description:
  Runs an operator, or a graph of operators in SNAP's XML, on Sentinel-1 products. This is the gpt of s1card:
  it takes SNAP's command line and needs neither SNAP nor Java.

Arguments:
  <op>               Name of an operator; they are listed below.
  <graph-file>       Graph file: ends in .xml, or has a slash in its name.
  <source-file-i>    The i-th source product: ${sourceProduct}, ${sourceProduct.i} and ${sourceProducti} of a graph.

Options:
  -h                 Shows this text, or with <op> the sources and parameters of that operator.
  -e                 Shows errors with all their details.
  -t <file>          File to write; not used by a graph that has Write nodes of its own.
                     Default value is 'target.dim'.
  -f <format>        Its format: BEAM-DIMAP, GeoTIFF, GeoTIFF-BigTIFF, ENVI, COG. Without it the extension of
                     the file decides, and BEAM-DIMAP is taken if there is none.
  -p <file>          File of parameters: Java properties, or XML. -P overrides what it says.
  -c <size>          Size of the tile cache, such as 4096M: what a run may use beyond the usual 2 GiB.
  -q <threads>       Greatest number of threads. By default one per core.
  -x                 Accepted: blocks are never kept longer than needed.
  -S<source>=<file>  Source product by name; replaces ${<source>} in a graph.
  -P<name>=<value>   Parameter of the operator; replaces ${<name>} in a graph.
  -D<name>=<value>   Property; snap.userdir tells where SNAP's auxiliary data are.
  -J-Xmx<size>       Memory of a run. Other options of the Java machine have no meaning.
  -iformat <format>  Accepted: formats of sources are found out.
  -oformat <format>  As -f.
  --diag             Shows versions and resources.
  --install-as-snap <folder>
                     Makes a folder that programs take for an installation of SNAP whose gpt is this one.

Environment:
  S1CARD_DEM         Elevation model in place of those that SNAP would download.
  S1CARD_DEM_DATUM   What its heights are measured from: ellipsoid, egm96 or egm2008.
  S1CARD_ORBIT       Orbit file, folder of orbit files, or none. By default they are looked for beside the scene and
                     in SNAP's auxiliary data (auxdata/Orbits/Sentinel-1).

Operators:
"""


def general_help(names: tuple[str, ...]) -> str:
    """The text of ``gpt -h``.

    Args:
        names: Operators that can run.
    """
    return _USAGE + operator_list(names)


def help_on(name: str) -> str:
    """The text of ``gpt -h OPERATOR``; an unknown one is no error, as in SNAP."""
    spec = find_operator(name)
    return f"Unknown operator '{name}'.\n" if spec is None else operator_help(spec)


def diagnosis(memory: int) -> str:
    """The text of ``gpt --diag``.

    Args:
        memory: Budget of a run, bytes.
    """
    lines = {
        f"SNAP Release version {SNAP_VERSION}": "",
        "SNAP home": f"none; this is the gpt of s1card {s1card.__version__}, with operators as in that SNAP",
        "Java home": "none",
        "Java version": "none",
        "Python": f"{platform.python_version()} ({sys.executable})",
        "Processors": str(len(os.sched_getaffinity(0))),
        "Max memory": f"{memory / (1 << 30):.1f} GB",
        "Tile size": "512 x 512 pixels",
    }
    return "\n".join(f"{key}: {value}" if value else key for key, value in lines.items()) + "\n"
