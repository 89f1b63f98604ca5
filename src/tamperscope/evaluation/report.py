"""The page about an evaluation: one file, readable without any other."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from tamperscope import __version__, plugins
from tamperscope.evaluation import charts
from tamperscope.evaluation.judge import FAILED, JUDGED, NOT_APPLICABLE, NOTHING, Plan, prepare
from tamperscope.evaluation.perturb import KINDS
from tamperscope.evaluation.summary import FEWEST_GROUPS, RESAMPLES, Number, Series
from tamperscope.io.render import outline, overlay, shrunk, upright
from tamperscope.metrics._base import Floats, Metric
from tamperscope.metrics._ranking import Ranking
from tamperscope.types import Photo

if TYPE_CHECKING:
    from tamperscope.evaluation.run import Condition, Results

__all__ = ["label", "render", "spelled"]

_EXAMPLES = 3  # best and worst, each
_SIDE = 300  # pixels of an example's longer side
_ORDERED_BY = ("pixel_auc", "pixel_f1@card", "pixel_f1@best")  # the first that was measured orders examples
_SWEPT = (
    "pixel_auc",
    "pixel_f1@card",
    "pixel_f1@best",
    "pixel_iou@card",
    "false_alarm_area@card",
    "image_auc",
)


def label(metric: str, level: str, condition: str) -> str:
    """Return a metric's name as it must be printed: raw image-level numbers say so."""
    return f"{metric} ({condition})" if level == "image" else metric


def spelled(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return a number with its interval, to three digits.

    >>> spelled(0.87412, 0.847, 0.9)
    '.874 [.847, .900]'
    """
    if value is None:
        return "undefined"
    text = _short(value)
    return text if low is None or high is None else f"{text} [{_short(low)}, {_short(high)}]"


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def render(results: "Results", plan: Plan) -> str:
    """Return the page, HTML with all its pictures inside."""
    evaluation, plain = results.evaluation, results.conditions[0]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.globals |= {"spelled": spelled, "label": label, "nothing": NOTHING}
    page = environment.from_string((files(__package__) / "report.html.jinja").read_text("utf-8"))
    samples = evaluation.samples
    return page.render(
        evaluation=evaluation,
        version=__version__,
        manipulated=sum(sample.manipulated for sample in samples),
        pristine=sum(not sample.manipulated for sample in samples),
        detectors=[_described(name, plain.series[name], plan) for name in evaluation.detectors],
        tables=[_table(condition, evaluation.metrics) for condition in results.conditions],
        kinds=_kinds(plain, _order(evaluation.metrics)),
        differences=[gap for gap in plain.differences if gap.value is not None],
        curves=[
            svg
            for svg in (_pixel_roc(plain), _pooled_roc(plain), _image_roc(plain, evaluation.condition))
            if svg
        ],
        distributions=list(_distributions(plain, evaluation.condition)),
        sweeps=list(_sweeps(results)),
        examples=[
            found for name in evaluation.detectors if (found := _examples(plain.series[name], plan)).rows
        ],
        ordered_by=_order(evaluation.metrics),
        excluded=results.excluded,
        learned=results.learned,
        unusual=list(_unusual(plain)),
        conventions=[
            (metric.name, metric.title, metric.convention) for metric in _distinct(evaluation.metrics)
        ],
        perturbations={one.kind: KINDS[one.kind].meaning for one in evaluation.perturbations},
        resamples=RESAMPLES,
        fewest=FEWEST_GROUPS,
        groups=len({sample.group for sample in samples}),
    )


def _described(name: str, series: Series, plan: Plan) -> dict[str, Any]:
    detector = plan.detectors[name]
    return {
        "name": name,
        "card": detector.own_card,
        "parameters": plugins.parameters(detector),
        "weights": detector.weights_digest,
        "judged": int(series.judged.sum()),
        "not_applicable": int(series.having(NOT_APPLICABLE).sum()),
        "failed": int(series.having(FAILED).sum()),
    }


def _distinct(metrics: Sequence[Metric]) -> list[Metric]:
    return list({metric.convention: metric for metric in reversed(metrics)}.values())[::-1]


def _table(condition: "Condition", metrics: Sequence[Metric]) -> dict[str, Any]:
    """Return the numbers for all photos by level: rows of metrics, columns of detectors."""
    levels = {}
    for level in ("pixel", "image"):
        names = [metric.name for metric in metrics if metric.level == level]
        detectors = [name for name in condition.series if level == "pixel" or name != NOTHING]
        if names:
            rows = {name: [condition.number(detector, name) for detector in detectors] for name in names}
            levels[level] = {"detectors": detectors, "rows": rows}
    return {"name": condition.name, "levels": levels}


def _kinds(condition: "Condition", order: str) -> dict[str, list[Number]]:
    """Return the headline number of every detector for each kind of manipulation."""
    found: dict[str, list[Number]] = {}
    for number in condition.numbers:
        if number.subset != "all" and number.metric == order:
            found.setdefault(number.detector, []).append(number)
    return found


def _pixel_roc(condition: "Condition") -> str:
    curves = {}
    for name, series in condition.series.items():
        if series.rates is not None and name != NOTHING:
            curves[f"{name}, n {series.curves}"] = series.rates
    return charts.roc(curves, "Pixels: mean of the photos' curves") if curves else ""


def _pooled_roc(condition: "Condition") -> str:
    curves: dict[str, Floats] = {}
    for name in (name for name in condition.series if name != NOTHING):
        curve = condition.series[name].pooled
        if curve:
            curves[f"{name}, AUC {_short(curve.auc)}"] = curve.rates
    return charts.roc(curves, "Pixels of all photos, pooled") if curves else ""


def _image_roc(condition: "Condition", how: str) -> str:
    curves: dict[str, Floats] = {}
    for name, series in condition.series.items():
        scores, labels = _scores(series)
        if name != NOTHING and 0 < labels.sum() < labels.size:
            curves[f"{name}, n {labels.size}"] = _curve(scores, labels)
    return charts.roc(curves, f"Photos, by score ({how})") if curves else ""


def _scores(series: Series) -> tuple[Floats, NDArray[np.bool_]]:
    pairs = [
        (answer.score, sample.manipulated)
        for sample, answer in zip(series.samples, series.answers, strict=True)
        if answer.score is not None
    ]
    return np.array([score for score, _ in pairs]), np.array([label for _, label in pairs], bool)


def _curve(scores: Floats, labels: NDArray[np.bool_]) -> Floats:
    curve = Ranking.of(scores.astype(np.float32)[None], labels[None]).curve
    assert curve is not None  # noqa: S101  both kinds are there
    return curve.rates


def _distributions(condition: "Condition", how: str) -> Iterator[str]:
    for name, series in condition.series.items():
        scores, labels = _scores(series)
        if scores.size and name != NOTHING:
            threshold = next(answer.threshold for answer in series.answers if answer.status == JUDGED)
            yield charts.distributions(
                scores[labels], scores[~labels], threshold, f"Scores of {name} ({how})"
            )


def _sweeps(results: "Results") -> Iterator[str]:
    """Yield, for each kind of perturbation, charts of numbers over its strengths, beginning with none."""
    evaluation = results.evaluation
    for kind in dict.fromkeys(one.kind for one in evaluation.perturbations):
        chosen = [
            one for one in results.conditions if one.perturbation is None or one.perturbation.kind == kind
        ]
        strengths = ["none", *(f"{one.perturbation.strength:g}" for one in chosen if one.perturbation)]
        for metric in evaluation.metrics:
            if metric.name not in _SWEPT:
                continue
            series = {
                name: [_point(one, name, metric.name) for one in chosen] for name in evaluation.detectors
            }
            defined = {name: points for name, points in series.items() if not np.isnan(points).all()}
            if defined:
                printed = label(metric.name, metric.level, evaluation.condition)
                yield charts.lines(strengths, defined, f"{kind}: {printed}", printed)


def _point(condition: "Condition", detector: str, metric: str) -> tuple[float, float, float]:
    number = condition.number(detector, metric)
    found = (number.value, number.low, number.high)
    return tuple(np.nan if one is None else one for one in found)  # type: ignore[return-value]


@dataclass(frozen=True)
class _Examples:
    """Pictures of a detector's best and worst photos, each with its value."""

    detector: str
    rows: list[tuple[str, list[tuple[str, str, str]]]]  # heading; name, value, picture


def _order(metrics: Sequence[Metric]) -> str:
    names = [metric.name for metric in metrics]
    return next((name for name in _ORDERED_BY if name in names), "")


def _examples(series: Series, plan: Plan) -> _Examples:
    names = [metric.name for metric in plan.metrics]
    order, rows = _order(plan.metrics), []
    if order:
        ranked = _ranked(series, names.index(order))
        best, worst = ranked[::-1][:_EXAMPLES], ranked[: max(0, min(_EXAMPLES, len(ranked) - _EXAMPLES))]
        rows += [(heading, found) for heading, found in (("Best", best), ("Worst", worst)) if found]
    if "false_alarm_area@card" in names:
        alarms = [
            entry for entry in _ranked(series, names.index("false_alarm_area@card"))[::-1] if entry[0] > 0
        ]
        rows += [("Pristine, most falsely marked", alarms[:_EXAMPLES])] if alarms else []
    drawn = [
        (
            heading,
            [
                (series.samples[index].name, _short(value), _draw(series, index, plan))
                for value, index in found
            ],
        )
        for heading, found in rows
    ]
    return _Examples(series.detector, drawn)


def _ranked(series: Series, place: int) -> list[tuple[float, int]]:
    """Return (value, index) of the photos where the metric is defined, rising."""
    values = [answer.values[place] if answer.values else None for answer in series.answers]
    return sorted((value, index) for index, value in enumerate(values) if value is not None)


def _draw(series: Series, index: int, plan: Plan) -> str:
    """Return a picture: the photo with the truth outlined, beside the overlay."""
    photo, truth = prepare(series.samples[index], None, plan)
    found, _ = plan.cache.localize(plan.detectors[series.detector], photo)
    assert found.localization is not None  # noqa: S101  a photo without one has no value
    seen = overlay(photo, found.localization, found.threshold)
    pair = [shrunk(picture, _SIDE) for picture in (_outlined(photo, truth), seen)]
    _, stream = cv2.imencode(".webp", np.concatenate(pair, axis=1), [cv2.IMWRITE_WEBP_QUALITY, 85])
    return "data:image/webp;base64," + base64.b64encode(stream.tobytes()).decode()


def _outlined(photo: Photo, truth: NDArray[np.bool_]) -> NDArray[np.uint8]:
    canvas = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2BGR)
    outline(canvas, truth, (80, 255, 120), max(1, round(max(truth.shape) / 300)))
    return upright(canvas, photo.orientation)


def _unusual(condition: "Condition") -> Iterator[tuple[str, str, str, int]]:
    """Yield (detector, status, reason, number of photos) of what could not be judged."""
    for name, series in condition.series.items():
        reasons = [
            (answer.status, answer.reason)
            for answer in series.answers
            if answer.status in (NOT_APPLICABLE, FAILED)
        ]
        for status, reason in dict.fromkeys(reasons):
            yield name, status, reason, reasons.count((status, reason))
