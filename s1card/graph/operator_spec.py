"""What the operator table says about an operator and its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "bool", "int", "double", "list", "enum", "file", "wkt", "rectangle", "nested"]


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter of an operator.

    Attributes:
        name: Name in the graph.
        kind: How its text is read: see :func:`s1card.graph.values.convert`.
        description: What it means, in plain words.
        default: Text that SNAP 14 takes if the parameter is absent; None if there is none.
        unit: Physical unit, empty if it has none.
        allowed: Permitted values of an enum or list; of a string, the known ones.
        interval: Permitted range in SNAP's notation.
        old_names: Names of other SNAP versions with the same meaning.
        changed: How the default depends on the SNAP version, empty if it does not.
    """

    name: str
    kind: Kind
    description: str
    default: str | None = None
    unit: str = ""
    allowed: tuple[str, ...] = ()
    interval: str = ""
    old_names: tuple[str, ...] = ()
    changed: str = ""


@dataclass(frozen=True, slots=True)
class OperatorSpec:
    """One operator of SNAP.

    Attributes:
        name: Name in the graph.
        description: What it does, one line in plain words.
        parameters: Its parameters in SNAP's order.
        sources: Least and greatest number of sources; None for no limit.
        aliases: Other names of the same operator.
        ignored: Parameters of old versions that have no effect any more.
        first_labels: Labels of the source that comes first, wherever the graph names it.
    """

    name: str
    description: str
    parameters: tuple[ParameterSpec, ...]
    sources: tuple[int, int | None] = (1, 1)
    aliases: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    first_labels: tuple[str, ...] = ()

    def parameter(self, name: str) -> ParameterSpec | None:
        """The parameter of that name, present or old."""
        return next((p for p in self.parameters if name == p.name or name in p.old_names), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The present names of all parameters."""
        return tuple(parameter.name for parameter in self.parameters)


def text(
    name: str,
    description: str,
    default: str | None = None,
    *,
    known: tuple[str, ...] = (),
    old: tuple[str, ...] = (),
    changed: str = "",
) -> ParameterSpec:
    """A string; other values than the known ones are only warned about."""
    return ParameterSpec(name, "string", description, default, allowed=known, old_names=old, changed=changed)


def flag(
    name: str, description: str, default: str, *, old: tuple[str, ...] = (), changed: str = ""
) -> ParameterSpec:
    """A truth value."""
    return ParameterSpec(name, "bool", description, default, old_names=old, changed=changed)


def integer(
    name: str, description: str, default: str | None, interval: str = "", *, unit: str = ""
) -> ParameterSpec:
    """A whole number."""
    return ParameterSpec(name, "int", description, default, unit=unit, interval=interval)


def number(
    name: str, description: str, default: str | None, interval: str = "", *, unit: str = ""
) -> ParameterSpec:
    """A real number."""
    return ParameterSpec(name, "double", description, default, unit=unit, interval=interval)


def choice(
    name: str, description: str, default: str | None, allowed: tuple[str, ...], *, unit: str = ""
) -> ParameterSpec:
    """One of a few values."""
    return ParameterSpec(name, "enum", description, default, unit=unit, allowed=allowed)


def names(
    name: str, description: str, *, allowed: tuple[str, ...] = (), old: tuple[str, ...] = ()
) -> ParameterSpec:
    """A comma separated list; unset means all."""
    return ParameterSpec(name, "list", description, None, allowed=allowed, old_names=old)


def file(name: str, description: str) -> ParameterSpec:
    """A path."""
    return ParameterSpec(name, "file", description)


def wkt(name: str, description: str, default: str | None = None) -> ParameterSpec:
    """A geometry or projection in well-known text."""
    return ParameterSpec(name, "wkt", description, default)


def rectangle(name: str, description: str) -> ParameterSpec:
    """A pixel rectangle ``x,y,width,height``."""
    return ParameterSpec(name, "rectangle", description, unit="px")


def nested(name: str, description: str) -> ParameterSpec:
    """Nested elements."""
    return ParameterSpec(name, "nested", description)


POLARISATIONS = ("VV", "VH", "HH", "HV")

RESAMPLINGS = (
    "NEAREST_NEIGHBOUR",
    "BILINEAR_INTERPOLATION",
    "CUBIC_CONVOLUTION",
    "BISINC_5_POINT_INTERPOLATION",
    "BISINC_11_POINT_INTERPOLATION",
    "BISINC_21_POINT_INTERPOLATION",
    "BICUBIC_INTERPOLATION",
)

DEM_RESAMPLINGS = (*RESAMPLINGS, "DELAUNAY_INTERPOLATION")

DEMS = (
    "Copernicus 30m Global DEM",
    "Copernicus 90m Global DEM",
    "SRTM 1Sec HGT",
    "SRTM 3Sec",
    "ASTER 1sec GDEM",
    "ACE30",
    "ACE2_5Min",
    "GETASSE30",
    "CDEM",
    "External DEM",
)


def bands(*old: str) -> ParameterSpec:
    """The bands that an operator works on."""
    return names("sourceBands", "bands to work on; unset: all", old=("sourceBandNames", *old))


def polarisations() -> ParameterSpec:
    """The polarisations that an operator keeps."""
    return names("selectedPolarisations", "polarisations to keep; unset: all", allowed=POLARISATIONS)


def dem(before: str, *, resampling: str = "", egm: str = "") -> tuple[ParameterSpec, ...]:
    """The parameters that name an elevation model.

    Args:
        before: Default of ``demName`` before SNAP 13.0.4.
        resampling: Default of ``demResamplingMethod``, empty if the operator has none.
        egm: Default of ``externalDEMApplyEGM``, empty if the operator has none.
    """
    parameters = [
        text(
            "demName",
            "elevation model, 'External DEM' for a file",
            "Copernicus 30m Global DEM",
            known=DEMS,
            changed=f"it was '{before}' before SNAP 13.0.4",
        )
    ]
    if resampling:
        parameters.append(
            choice("demResamplingMethod", "interpolation of heights", resampling, DEM_RESAMPLINGS)
        )
    parameters += [
        file("externalDEMFile", "elevation model file"),
        number("externalDEMNoDataValue", "height that means no height", "0", unit="m"),
    ]
    if egm:
        parameters.append(flag("externalDEMApplyEGM", "add the EGM96 geoid to the heights of the file", egm))
    return tuple(parameters)
