"""The networks of a paper's table, trained for it or taken from an earlier call, and what they are worth."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tamperscope.detectors._onnx import open_weights
from tamperscope.errors import InvalidParameter
from tamperscope.io.paths import write_whole
from tamperscope.training.config import Training
from tamperscope.training.curves import draw_roc
from tamperscope.training.data import Photographs
from tamperscope.training.export import Watch, export, unwatched
from tamperscope.training.folder import WEIGHTS
from tamperscope.training.measure import Figures, measure
from tamperscope.training.run import train

__all__ = ["Wanted", "Worth", "draw", "train_all"]

FINE_TUNED = "coverage"  # has too few photographs: it begins from weights of another set, as in the paper
_SLOWER, _SHORTER = 0.1, 0.25  # learning rate and epochs of that, beside those of the others

Splits = Mapping[str, Photographs]


@dataclass(frozen=True)
class Wanted:
    """A row of a table: its label, the network, and the fields of its training."""

    label: str
    network: str
    fields: Mapping[str, str | float]


@dataclass(frozen=True, eq=False)
class Worth:
    """A row's network on a data set: its file, and figures on the test split as it is and saved once more."""

    dataset: str
    label: str
    weights: Path
    raw: Figures
    resaved: Figures


def train_all(
    rows: Iterable[Wanted],
    sets: Mapping[str, Splits],
    training: Training,
    out: Path,
    watch: Watch = unwatched,
) -> Iterator[Worth]:
    """Yield each row's network on each data set, trained below ``out`` unless it was before.

    A row whose network and fields stood in another table is not trained again. COVERAGE is fine-tuned from
    the weights of the first other data set, where there is one.

    Raises:
        InvalidParameter: several devices are asked for.
        TamperscopeError: a network cannot be trained.

    """
    if training.devices > 1:  # the processes beside this one end with the first network
        raise InvalidParameter("tables are trained on one device", "leave devices at 1")
    names = sorted(sets, key=lambda name: name == FINE_TUNED)  # stable, the first else stays first
    for row in rows:
        options = replace(training, **row.fields)  # type: ignore[arg-type]
        for name in names:
            run = out / name / _folder(row)
            if name == FINE_TUNED and name != names[0]:
                run = run.with_name(f"{run.name}-from-{names[0]}")
                start = out / names[0] / _folder(row) / WEIGHTS
                options = replace(
                    options,
                    start=str(start),
                    learning_rate=options.learning_rate * _SLOWER,
                    epochs=max(1, round(options.epochs * _SHORTER)),
                )
            splits = sets[name]
            train(row.network, splits["train"], splits["val"], options, run)
            weights = run / f"{row.network}.onnx"
            if not weights.exists():
                export(run, weights, splits, watch=watch)
            trained = open_weights(weights, row.network)
            with watch(f"measuring {row.label}", 2 * len(splits["test"].of(manipulated=True))) as advance:
                figures = [
                    measure(trained, splits["test"], options, resaved=again, advance=advance)
                    for again in (False, True)
                ]
            yield Worth(name, row.label, weights, *figures)


def draw(found: Iterable[Worth], folder: Path) -> list[Path]:
    """Write ROC curves of patches and of pixels, one picture for each data set; return the files."""
    worth = list(found)
    pictures = []
    for name in dict.fromkeys(one.dataset for one in worth):
        rows = [one for one in worth if one.dataset == name]
        panels = {
            what: {
                f"{one.label}, {how}": curve
                for one in rows
                for how, figures in (("raw", one.raw), ("saved again", one.resaved))
                if (curve := getattr(figures, curve_of)) is not None
            }
            for what, curve_of in (("patches", "patch_curve"), ("pixels", "pixel_curve"))
        }
        pictures.append(folder / f"roc-{name}.png")
        write_whole(pictures[-1], draw_roc(panels, f"{name}, test split"))
    return pictures


def _folder(row: Wanted) -> str:
    """Return the name of the row's folder: what its training differs in."""
    return "-".join([row.network, *(str(value) for value in row.fields.values())])
