"""How forgeries are made: every probability and range, with presets."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_origin

import numpy as np

from tamperscope.errors import InvalidParameter
from tamperscope.forge.history import FAMILIES, Saving, draw
from tamperscope.io.paths import display

__all__ = ["PRESETS", "Recipe", "load_recipe", "load_recipes"]

Range = tuple[float, float]
Weights = dict[str, float]

KINDS = ("splice", "copy_move", "remove", "retouch", "cover")
OUTLINES = ("segment", "blob", "lasso", "ellipse", "box")
SUBSAMPLINGS = ("4:2:0", "4:2:2", "4:4:4")


def _knob(
    default: Any, description: str, low: float = 0, high: float = 1, words: tuple[str, ...] = ()
) -> Any:
    metadata = {"description": description, "low": low, "high": high, "words": words}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Recipe:
    """Probabilities from 0 to 1, ranges (low, high), and weights by name, which need not add up to 1."""

    pristine: float = _knob(0.3, "share of photographs that are left as they are, but saved likewise")
    kinds: Weights = _knob({"splice": 0.45, "copy_move": 0.3, "remove": 0.25}, "manipulations", 0, 1e6, KINDS)
    outlines: Weights = _knob(
        {"segment": 0.5, "blob": 0.2, "lasso": 0.2, "ellipse": 0.05, "box": 0.05}, "shapes", 0, 1e6, OUTLINES
    )
    area: Range = _knob(
        (0.005, 0.3), "part of the photograph that is manipulated, drawn evenly in its logarithm", 1e-5
    )
    feather: float = _knob(0.6, "probability of a soft edge")
    feather_width: Range = _knob((0.5, 4.0), "its standard deviation in pixels", 0.1, 8)
    turn: float = _knob(0.5, "probability that a pasted part is rotated")
    turn_angle: Range = _knob((-40.0, 40.0), "by these degrees", -180, 180)
    scale: float = _knob(0.5, "probability that a pasted part is resized")
    scale_factor: Range = _knob((0.6, 1.6), "by this factor", 0.1, 10)
    flip: float = _knob(0.3, "probability that a pasted part is mirrored")
    match_colours: float = _knob(0.6, "probability that a spliced part takes on its surroundings' colours")
    touch_up: float = _knob(0.35, "probability of noise, blur, sharpening or other brightness in the part")
    host_jpeg: float = _knob(0.8, "probability that the photograph was a JPEG before it was manipulated")
    host_quality: Range = _knob((60.0, 98.0), "of that quality", 1, 100)
    donor_jpeg: float = _knob(0.7, "probability that what is pasted comes from a JPEG of its own")
    donor_quality: Range = _knob((50.0, 98.0), "of that quality, its grid where it happens to fall", 1, 100)
    off_grid: float = _knob(0.15, "probability that the result is cropped off its grid before it is saved")
    final_jpeg: float = _knob(0.85, "probability that the result is saved as JPEG, else as PNG")
    final_quality: Range = _knob((60.0, 98.0), "of that quality", 1, 100)
    families: Weights = _knob(
        {"standard": 0.5, "editor": 0.3, "camera": 0.2}, "tables", 0, 1e6, tuple(FAMILIES)
    )
    subsamplings: Weights = _knob(
        {"4:2:0": 0.6, "4:2:2": 0.1, "4:4:4": 0.3}, "of JPEGs", 0, 1e6, SUBSAMPLINGS
    )
    shrink: Range = _knob(
        (1.0, 1.0), "factor by which all photographs are reduced first; 0.5 ends JPEG history", 0.1
    )
    shrunk: float = _knob(1.0, "probability of that")
    sensed: float = _knob(
        0.0,
        "probability that a photograph then comes from a camera of its own: noise and interpolated colours",
    )
    develop: float = _knob(
        0.0, "probability that all of the result is sharpened, smoothed, toned or made grainy"
    )
    caption: float = _knob(0.0, "probability that text is laid over the result, which manipulates no part")
    launder: float = _knob(0.15, "probability that the result is passed on: resized, cropped, saved again")

    def __post_init__(self) -> None:
        for entry in fields(self):
            object.__setattr__(self, entry.name, _checked(entry.name, getattr(self, entry.name), entry))

    def changed(self, texts: Mapping[str, str]) -> "Recipe":
        """Return the recipe with fields changed, each given as JSON: ``{"area": "[0.1, 0.2]"}``.

        Raises:
            InvalidParameter: no such field, or a value that does not fit.

        """
        known = {entry.name for entry in fields(self)}
        values = {}
        for name, text in texts.items():
            if name not in known:
                raise InvalidParameter(
                    f"a recipe has no field {name!r}", f"choose from {', '.join(sorted(known))}"
                )
            try:
                values[name] = json.loads(text)
            except ValueError:
                raise InvalidParameter(
                    f"{name} cannot be {text!r}", "give JSON, such as 0.5 or [0.1, 0.2]"
                ) from None
        return replace(self, **values)

    def jpeg(self, rng: np.random.Generator, qualities: Range | None = None) -> Saving:
        """Draw a JPEG saving, of ``final_quality`` unless others are given."""
        family = draw(rng, self.families)
        quality = round(float(rng.uniform(*(qualities or self.final_quality))))
        return Saving(family, quality, draw(rng, self.subsamplings))

    def last_saving(self, rng: np.random.Generator) -> Saving:
        """Draw how a result is saved at the end."""
        saving = self.jpeg(rng)
        return saving if rng.random() < self.final_jpeg else Saving(quality=None)

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"


def _checked(name: str, value: Any, entry: Any) -> Any:
    """Return the value in its field's type; a `Range` may be given as a list."""
    low, high, words = (entry.metadata[key] for key in ("low", "high", "words"))
    if words:
        fits = isinstance(value, dict) and set(value) <= set(words) and any(value.values())
        numbers, wanted = list(value.values()) if fits else [], f"weights of {', '.join(words)}"
    elif get_origin(entry.type) is tuple:
        fits = isinstance(value, list | tuple) and len(value) == 2
        numbers, wanted = list(value) if fits else [], f"a range [low, high] from {low:g} to {high:g}"
    else:
        fits, numbers, wanted = True, [value], f"a number from {low:g} to {high:g}"
    good = all(
        isinstance(number, int | float) and not isinstance(number, bool) and low <= number <= high
        for number in numbers
    )
    if not (fits and good) or (len(numbers) == 2 and not words and numbers[0] > numbers[1]):
        raise InvalidParameter(f"a recipe's {name} cannot be {value!r}", f"give {wanted}")
    return tuple(value) if isinstance(value, list) else value


_ALL_KINDS = {"splice": 0.4, "copy_move": 0.2, "remove": 0.18, "retouch": 0.12, "cover": 0.1}
_ALL_FAMILIES = {"standard": 0.4, "editor": 0.3, "camera": 0.05, "found": 0.25}

PRESETS: dict[str, Recipe] = {
    "default": Recipe(),
    # The trace of aligned double compression is there, and what was pasted lacks it.
    "aligned": Recipe(
        pristine=0.3,
        kinds={"splice": 1},
        area=(0.05, 0.25),
        shrink=(0.5, 0.5),
        host_jpeg=1,
        host_quality=(55, 75),
        donor_jpeg=0,
        off_grid=0,
        final_jpeg=1,
        final_quality=(88, 96),
        launder=0,
    ),
    # No JPEG anywhere before the only saving: methods that look for JPEG history must find nothing.
    "clean": Recipe(shrink=(0.5, 0.5), host_jpeg=0, donor_jpeg=0, off_grid=0, final_jpeg=1, launder=0),
    # As many histories as there may be; what the default detector learns from.
    "wild": Recipe(
        shrink=(0.55, 1.0),
        shrunk=0.4,
        host_quality=(50.0, 99.0),
        donor_quality=(40.0, 99.0),
        final_quality=(55.0, 99.0),
        off_grid=0.2,
        launder=0.35,
        kinds=_ALL_KINDS,
        families=_ALL_FAMILIES,
        final_jpeg=0.75,
        develop=0.2,
        caption=0.08,
        sensed=0.2,
    ),
    # As the web has them: a reduced photo that was a JPEG, and that an editor saved, mostly on its grid.
    "edited": Recipe(
        shrink=(0.25, 0.7),
        shrunk=0.6,
        area=(0.005, 0.35),
        host_jpeg=0.9,
        host_quality=(60, 97),
        donor_quality=(40, 99),
        off_grid=0.1,
        final_jpeg=0.95,
        final_quality=(75, 99),
        families={"standard": 0.35, "editor": 0.45, "found": 0.2},
        kinds=_ALL_KINDS,
        develop=0.1,
        caption=0.08,
        sensed=0.05,
        launder=0.1,
    ),
    # As cameras and editors write them: no saving that loses anything, or a fine one.
    "raw": Recipe(
        shrink=(0.6, 1.0),
        shrunk=0.4,
        sensed=1,
        host_jpeg=0.15,
        host_quality=(85, 99),
        donor_jpeg=0.25,
        off_grid=0.1,
        launder=0.05,
        kinds=_ALL_KINDS,
        families=_ALL_FAMILIES,
        final_jpeg=0.4,
        final_quality=(85, 99),
        develop=0.1,
    ),
    # One saving more or less, on one grid; what labels alone teach something from.
    "savings": Recipe(
        shrink=(0.5, 1.0),
        shrunk=0.3,
        kinds={"splice": 0.6, "copy_move": 0.25, "remove": 0.15},
        area=(0.02, 0.25),
        host_quality=(50, 99),
        donor_quality=(40, 99),
        off_grid=0,
        final_jpeg=0.75,
        final_quality=(55, 99),
        families=_ALL_FAMILIES,
        launder=0,
    ),
    # As photographs arrive by messenger: resized, cropped, and saved again.
    "laundered": Recipe(launder=1, final_jpeg=1),
}


def load_recipe(name: str) -> Recipe:
    """Return a preset by its name, or the recipe in a JSON file.

    Raises:
        InvalidParameter: neither is there, or it holds what does not fit.

    """
    if name in PRESETS:
        return PRESETS[name]
    path = Path(name)
    if not path.is_file():
        raise InvalidParameter(
            f"there is no recipe {name!r}", f"choose from {', '.join(PRESETS)}, or give a file"
        )
    try:
        values = json.loads(path.read_bytes())
        if not isinstance(values, dict):
            raise TypeError("not an object")
    except (OSError, ValueError, TypeError) as error:
        raise InvalidParameter(
            f"{display(path)} is no recipe ({error})", "see docs/guide/forge.md"
        ) from error
    return Recipe().changed({key: json.dumps(value) for key, value in values.items()})


def load_recipes(names: str) -> list[Recipe]:
    """Return several of them, named with commas between.

    Raises:
        InvalidParameter: as `load_recipe`.

    """
    return [load_recipe(name.strip()) for name in names.split(",")]
