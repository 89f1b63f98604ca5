"""What a training is told: one frozen, checked configuration, kept in the run's folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tamperscope.errors import InvalidParameter
from tamperscope.io.paths import display
from tamperscope.plugins import Configurable, option, parsed

__all__ = ["RECIPES", "Training"]

_OPTIMIZERS = ("adam", "adamw", "sgd")
_CHOICES = ("mean", "worst", "last")
_PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True)
class Training(Configurable):
    """How a network is trained on patches. Ours where the paper is silent, which is nearly everywhere.

    References:
        Bappy et al., ICCV 2017, section 3.3 (Adam, both losses of equal weight) and 4.1 (patches, the 12.5%).

    """

    variant: str = option("", "of the network, as its table names it; the default one if empty")
    start: str = option(
        "", "weights to begin from, safetensors or as exported, of the same variant: fine-tuning"
    )
    kept: float = option(
        0.0, "share of those weights in the result, a mean with what was learned", low=0, high=1
    )
    frozen: str = option(
        "", "parts of the network that keep the weights they begin with, such as history.first,noise"
    )
    scaled: bool = option(True, "begin with scaled weights (training/start.py), else with PyTorch's own")
    epochs: int = option(50, "at most", low=1, high=1_000_000)
    epoch_steps: int = option(200, "updates of the weights in an epoch", low=1, high=1_000_000)
    batch: int = option(64, "patches in an update", low=1, high=65_536)
    optimizer: str = option("adam", "of the weights: adam, adamw or sgd")
    learning_rate: float = option(1e-3, "of that", low=1e-7, high=10.0)
    cosine: bool = option(False, "whether it falls to nothing over the epochs, as a cosine does")
    falls: str = option("", "epochs after which it falls to a tenth, such as 20,40")
    clip: float = option(1.0, "norm of the gradient, at most", low=1e-3, high=1e6)
    patience: int = option(10, "epochs without a better validation before it ends", low=1, high=1_000_000)
    least_share: float = option(
        0.125, "of a patch's pixels above which it is manipulated", low=0.0, high=0.999
    )
    weight: float = option(1.0, "of what is manipulated in the losses, beside 1", low=1e-3, high=1e3)
    mask_weight: float = option(1.0, "of the mask's loss beside the label's (beta)", low=0.0, high=1e3)
    agreement: float = option(
        0.0,
        "weight of the loss that draws a patch's label and mean mask together (lambda)",
        low=0.0,
        high=1e3,
    )
    resaved: float = option(
        0.0,
        "share of the others that are saved as JPEG once more, so that quality tells nothing",
        low=0,
        high=1,
    )
    laundered: float = option(
        0.0, "share of the others that are passed on instead: resized, cropped, saved again", low=0, high=1
    )
    alike: float = option(
        0.0,
        "share of the pristine others that are first saved as one of the manipulated was: what an editor "
        "saved is not yet manipulated",
        low=0,
        high=1,
    )
    forged: float = option(0.0, "share of the photographs that are forged as they are needed", low=0, high=1)
    recipe: str = option(
        "default", "of those: a name, or a JSON file; several, such as wild,wild,raw, are drawn alike"
    )
    twins: bool = option(
        False,
        "whole photographs come in pairs, pristine and manipulated, which were saved alike",
    )
    evenly: bool = option(False, "those are drawn from each data set alike, however many it holds")
    manipulated: float = option(0.7, "share of manipulated photographs among the others", low=0, high=1)
    positive: float = option(0.7, "share of manipulated patches in a manipulated photograph", low=0, high=1)
    side: int = option(
        0,
        "pixels of a patch's side, a multiple of 8, of networks that take any; 0: the network's own",
        low=0,
        high=4096,
    )
    per_photo: int = option(8, "patches from a photograph each time it is read", low=1, high=4096)
    turns: bool = option(True, "flips and quarter turns, which keep the 8x8 grid")
    validation: int = option(8, "patches of each validation photograph", low=2, high=4096)
    choose: str = option(
        "mean",
        "weights of the epoch that is best by the mean over validation photographs (mean), by the data set "
        "on which it is worst (worst), or of the last one (last)",
    )
    alarms: float = option(
        0.0,
        "share of pristine validation photographs that the score may accuse; 0: it is a probability",
        low=0,
        high=0.5,
    )
    marked: float = option(
        0.0, "share of their area that the threshold may mark, in the mean; 0: any", low=0, high=0.5
    )
    misses: float = option(
        0.0,
        "share of manipulated validation photographs that may be called free of evidence; where others score "
        "it cannot tell; 0: it says so nowhere",
        low=0,
        high=0.5,
    )
    seed: int = option(0, "the same seed gives the same weights on the same machine", low=0, high=2**31)
    precision: str = option(
        "auto", "of the arithmetic: 32-true, bf16-mixed, 16-mixed, or auto: bf16-mixed where that is fast"
    )
    devices: int = option(1, "graphics cards (or processes) that share the work", low=1, high=1024)
    workers: int = option(0, "processes that read photographs", low=0, high=256)

    @property
    def milestones(self) -> list[int]:
        """The epochs in ``falls``."""
        return [int(text) for text in self.falls.split(",") if text.strip()]

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            falls = self.milestones
            wrong = bool(falls) and (self.cosine or falls[0] < 1 or falls != sorted(set(falls)))
        except ValueError:
            wrong = True
        if wrong:
            raise InvalidParameter(
                f"training.falls cannot be {self.falls!r}", "give epochs such as 20,40, and leave out cosine"
            )
        if self.kept and not self.start:
            raise InvalidParameter(f"training.kept cannot be {self.kept:g} without start", "give it weights")
        for name, value, known in (
            ("precision", self.precision, _PRECISIONS),
            ("optimizer", self.optimizer, _OPTIMIZERS),
            ("choose", self.choose, _CHOICES),
        ):
            if value not in known:
                raise InvalidParameter(f"training.{name} cannot be {value!r}", f"give {', '.join(known)}")
        if self.batch % (self.per_photo * self.devices):
            raise InvalidParameter(
                f"training.batch cannot be {self.batch}",
                f"give a multiple of per_photo and devices: of {self.per_photo * self.devices}",
            )

    @classmethod
    def read(cls, name: str | Path | None, texts: Mapping[str, str]) -> "Training":
        """Return a recipe by its name or a JSON file, changed by ``{"field": "text"}`` as on a command line.

        Raises:
            InvalidParameter: the file cannot be read, or a field is unknown or does not fit.

        """
        values = {} if name is None else RECIPES.get(str(name)) or cls._file(Path(name))
        return cls(**{**values, **parsed("training", cls, texts)})

    @classmethod
    def _file(cls, path: Path) -> dict[str, Any]:
        try:
            found: Any = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidParameter(
                f"the configuration cannot be read ({error})",
                f"give a JSON file, or one of {', '.join(RECIPES)}",
                display(path),
            ) from None
        known = [entry.name for entry in fields(cls)]
        if not isinstance(found, dict) or not set(known).issuperset(found):
            odd = ", ".join(sorted(set(found) - set(known))) if isinstance(found, dict) else "no object"
            raise InvalidParameter(
                f"the configuration has unknown fields ({odd})",
                f"choose from {', '.join(known)}",
                display(path),
            )
        return dict(found)


_LONG = {"cosine": True, "patience": 1_000_000, "resaved": 0.5, "workers": 1}

# What they cost and what they gave is in docs/guide/training.md.
RECIPES: dict[str, dict[str, Any]] = {
    "quick": {**_LONG, "epochs": 8},  # ten minutes on two cores of a laptop
    # The public code of the paper; of its two weights that of NIST and Carvalho, whose regions are small.
    "cun2018": {
        "epochs": 60,
        "learning_rate": 1e-4,
        "falls": "20,40",
        "patience": 60,
        "weight": 50.0,
        "mask_weight": 10.0,
    },
    # The paper's, of whole photographs; both classes are saved alike, against its trap.
    "wang2024": {
        "epochs": 200,
        "optimizer": "sgd",
        "batch": 12,
        "per_photo": 1,
        "manipulated": 0.5,
        "resaved": 1.0,
        "epoch_steps": 450,
        "validation": 12,
        "patience": 200,
        "alarms": 0.05,
    },
    # Ours, of whole photographs: from scratch on a processor.
    "wang2024-quick": {
        **_LONG,
        "epochs": 30,
        "epoch_steps": 75,
        "batch": 12,
        "per_photo": 1,
        "manipulated": 0.5,
        "resaved": 1.0,
        "forged": 0.5,
        "validation": 12,
        "alarms": 0.05,
    },
    # The default detector's.
    "fusion": {
        **_LONG,
        "epochs": 34,
        "epoch_steps": 200,
        "batch": 8,
        "per_photo": 1,
        "least_share": 0.002,
        "evenly": True,
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "forged": 0.7,
        "recipe": "wild",
        "resaved": 0.3,
        "positive": 0.8,
        "validation": 2,
        "choose": "last",
        "alarms": 0.05,
        "marked": 0.005,
        "misses": 0.2,
    },
    # The shipped weights': an hour on two cores of a fast machine, three on one of a slow one.
    "overnight": {**_LONG, "epochs": 32, "forged": 0.3},
}
