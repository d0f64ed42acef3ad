"""Engines by their names."""

from __future__ import annotations

from s1card.engine.base import Engine
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import UsageError

ENGINES = ("native", "gpt", "container", "snappy")


def engine_named(name: str, surroundings: Surroundings, snap: SnapSettings | None = None) -> Engine:
    """The engine of a name.

    Args:
        name: One of `ENGINES`.
        surroundings: Orbit, elevation model, and what the native engine may take.
        snap: How SNAP is found and run; None: as the environment says, and as much of the machine as there is.

    Raises:
        UsageError: There is no such engine, or what it runs is not installed.
    """
    if name == "native":
        return NativeEngine(surroundings)
    settings = SnapSettings.from_environment() if snap is None else snap
    if name in ("gpt", "container"):
        from s1card.engine.snap.engine import container_engine, gpt_engine  # noqa: PLC0415 - not for native

        return (gpt_engine if name == "gpt" else container_engine)(surroundings, settings)
    if name == "snappy":
        from s1card.engine.snap.snappy import snappy_engine  # noqa: PLC0415 - not for native

        return snappy_engine(surroundings, settings)
    raise UsageError(f"there is no engine {name!r}", advice=f"Engines are {', '.join(ENGINES)}")
