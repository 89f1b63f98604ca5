"""Tamperscope finds where a photograph was edited.

>>> import tamperscope
>>> tamperscope.detector("ela", quality=95).quality
95
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamperscope.detectors._base import Detector
    from tamperscope.errors import TamperscopeError
    from tamperscope.io.decode import Limits
    from tamperscope.io.decode import decode as load
    from tamperscope.scanning.batch import scan
    from tamperscope.scanning.photo import Outcome
    from tamperscope.signal.regions import find_regions
    from tamperscope.types import Card, Jpeg, Link, Localization, Need, Photo, Region

__version__ = "0.1.0"

__all__ = [
    "Card",
    "Detector",
    "Jpeg",
    "Limits",
    "Link",
    "Localization",
    "Need",
    "Outcome",
    "Photo",
    "Region",
    "TamperscopeError",
    "__version__",
    "detector",
    "find_regions",
    "load",
    "scan",
]

# Imported when first used: `import tamperscope` must cost next to nothing.
_HOMES = {
    "Card": ("types", "Card"),
    "Detector": ("detectors._base", "Detector"),
    "Jpeg": ("types", "Jpeg"),
    "Limits": ("io.decode", "Limits"),
    "Link": ("types", "Link"),
    "Localization": ("types", "Localization"),
    "Need": ("types", "Need"),
    "Outcome": ("scanning.photo", "Outcome"),
    "Photo": ("types", "Photo"),
    "Region": ("types", "Region"),
    "TamperscopeError": ("errors", "TamperscopeError"),
    "find_regions": ("signal.regions", "find_regions"),
    "load": ("io.decode", "decode"),
    "scan": ("scanning.batch", "scan"),
}


def detector(name: str, **fields: Any) -> "Detector":
    """Return the detector of that name with these fields, the rest at their defaults.

    A refiner may follow: ``"ela+crf"``. Its own fields are given as ``crf={"iterations": 10}``.

    Raises:
        UnknownPlugin: no detector or refiner of that name. InvalidParameter: a field that does not fit.

    """
    from collections.abc import Mapping

    from tamperscope.detectors._refined import assemble, parts
    from tamperscope.errors import InvalidParameter

    first, refiners = parts(name)
    own = {refiner: fields.pop(refiner, {}) for refiner in dict.fromkeys(refiners)}
    for refiner, values in own.items():
        if not isinstance(values, Mapping):
            raise InvalidParameter(f"{refiner} cannot be {values!r}", f"give {refiner}={{'field': value}}")
    return assemble(name, {first: fields, **own})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tamperscope' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(f"tamperscope.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
