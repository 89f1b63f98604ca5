"""Running detectors over a data set, and writing what came of it."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from tamperscope import plugins
from tamperscope.datasets import open_dataset, select
from tamperscope.datasets._base import Dataset
from tamperscope.detectors._base import Detector
from tamperscope.detectors._refined import assemble, parts
from tamperscope.errors import InvalidParameter
from tamperscope.evaluation.cache import Cache
from tamperscope.evaluation.files import claim, facts, summary, write_run
from tamperscope.evaluation.judge import EXCLUDED, FAILED, NOTHING, Answer, Plan, Task, Verdicts, judge, lost
from tamperscope.evaluation.perturb import Perturbation, parse_perturbations
from tamperscope.evaluation.rows import Rows
from tamperscope.evaluation.summary import Difference, Number, Series, differences, numbers
from tamperscope.io.decode import Limits
from tamperscope.io.paths import hold, write_whole
from tamperscope.io.provenance import photo_digest
from tamperscope.metrics._base import Metric, parse_metric
from tamperscope.parallel import ordered
from tamperscope.types import Sample

__all__ = ["QUALITIES", "Condition", "Evaluation", "Results", "default_metrics", "evaluate", "plan"]

QUALITIES = (70, 95)  # that `--equalize` draws from unless told


def default_metrics() -> tuple[Metric, ...]:
    """Return every registered metric, at each threshold that it is shown at."""
    return tuple(metric for name in plugins.names("metrics") for metric in parse_metric(name))


@dataclass(frozen=True)
class Evaluation:
    """What is measured: all that the numbers depend on, but for the photos themselves.

    ``samples`` are those of ``split``, of ``total`` in the data set. ``fields`` configures detectors that
    others choose from. ``qualities`` is the range that both classes are saved anew with, None for files as
    they are; ``perturbations`` are evaluated beside the photos as they are.
    """

    name: str
    dataset: Dataset
    split: str
    samples: Sequence[Sample]
    detectors: Mapping[str, Detector]
    metrics: tuple[Metric, ...] = field(default_factory=default_metrics)
    perturbations: tuple[Perturbation, ...] = ()
    qualities: tuple[int, int] | None = None
    seed: int = 0
    total: int = 0
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @property
    def condition(self) -> str:
        """How image-level numbers must be read: "raw", or "equalized"."""
        return "equalized" if self.qualities else "raw"


@dataclass(frozen=True, eq=False)
class Condition:
    """The answers under one perturbation, or none, by detector; and the numbers that they make."""

    perturbation: Perturbation | None
    series: Mapping[str, Series]
    numbers: tuple[Number, ...]
    differences: tuple[Difference, ...]

    @property
    def name(self) -> str:
        """The perturbation's name; empty for none."""
        return self.perturbation.name if self.perturbation else ""

    def number(self, detector: str, metric: str) -> Number:
        """Return a detector's number for all photos."""
        return self._by_name[detector, metric]

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Number]:
        return {(one.detector, one.metric): one for one in self.numbers if one.subset == "all"}


@dataclass(frozen=True, eq=False)
class Results:
    """All conditions of an evaluation, the one without perturbation first.

    ``learned`` says from how many of the photographs a detector's weights learned, if from any.
    """

    evaluation: Evaluation
    conditions: tuple[Condition, ...]
    learned: Mapping[str, int] = field(default_factory=dict)

    @property
    def excluded(self) -> dict[str, str]:
        """The photos that could not be used, or not where a mask is needed, and why."""
        return self._reasons(lambda answer: answer.reason if answer.status == EXCLUDED else answer.unmasked)

    @property
    def failed(self) -> dict[str, str]:
        """The photos on which a detector failed, and how."""
        return self._reasons(lambda answer: answer.reason if answer.status == FAILED else "")

    def _reasons(self, of: Callable[[Answer], str]) -> dict[str, str]:
        return {
            sample.name: f"{condition.name}: {reason}" if condition.name else reason
            for condition in reversed(self.conditions)
            for series in condition.series.values()
            for sample, answer in zip(series.samples, series.answers, strict=True)
            if (reason := of(answer))
        }


def plan(
    name: str,
    root: Path,
    split: str,
    detectors: Mapping[str, Detector],
    *,
    metrics: Sequence[str] = (),
    perturbations: Sequence[str] = (),
    qualities: tuple[int, int] | None = None,
    seed: int = 0,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
) -> Evaluation:
    """Return the evaluation of a data set's split; metrics and perturbations as on the command line.

    Raises:
        UnknownPlugin, InvalidParameter: no such data set, metric or perturbation, or a wrong value.
        WrongLayout: the root is not what the data set's reader expects, or the split is empty.

    """
    if qualities and not 1 <= qualities[0] <= qualities[1] <= 100:
        raise InvalidParameter(f"qualities cannot be {qualities}", "give a low and a high one from 1 to 100")
    words = [word for text in metrics for word in text.split(",")]
    chosen = tuple(dict.fromkeys(metric for word in words for metric in parse_metric(word)))
    perturbed = tuple(parse_perturbations(perturbations))
    dataset = open_dataset(name, root)
    samples = dataset.samples()
    return Evaluation(
        name=name,
        dataset=dataset,
        split=split,
        samples=tuple(select(samples, split, seed=seed)),
        detectors=detectors,
        metrics=chosen or default_metrics(),
        perturbations=perturbed,
        qualities=qualities,
        seed=seed,
        total=len(samples),
        fields=fields or {},
    )


def evaluate(
    evaluation: Evaluation,
    out: Path,
    *,
    cache: Path | None = None,
    workers: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Results:
    """Evaluate, and write `results.parquet`, `summary.csv`, `report.html` and `run.json` to ``out``.

    Heatmaps are kept in ``cache`` (``out/cache`` unless given), so that what was interrupted goes on where it
    stopped and ends with the same numbers. ``advance`` is called after each photo of each condition.

    Raises:
        InvalidParameter: nothing to do, or nothing to do it with.
        MissingWeights, CorruptFile: a detector's weights cannot be used.
        OutputError: ``out`` cannot be written, or holds another evaluation.

    """
    if not evaluation.detectors or not evaluation.metrics:
        raise InvalidParameter("there is nothing to measure", "name at least one detector and one metric")
    for detector in evaluation.detectors.values():
        detector.prepare()
    from tamperscope.evaluation.report import render

    started = time.time()
    claim(out, evaluation)
    with hold(out, "evaluation"), _scratch(out / ".rankings") as rankings:
        plan = Plan(
            dataset=evaluation.dataset,
            detectors=evaluation.detectors,
            metrics=evaluation.metrics,
            cache=Cache(cache or out / "cache", evaluation.fields),
            rankings=rankings,
            qualities=evaluation.qualities,
            seed=evaluation.seed,
            limits=evaluation.limits,
        )
        with _Answers(evaluation, out) as answers:
            for verdicts in _judge_all(evaluation, plan, workers):
                answers.add(verdicts)
                advance()
                if verdicts.task.index % len(evaluation.samples) == len(evaluation.samples) - 1:
                    answers.finish(verdicts.task.perturbation)
        conditions = tuple(_conditions(evaluation, answers.series))
        results = Results(evaluation, conditions, dict(_learned(evaluation)))
        write_whole(out / "summary.csv", summary(results).encode())
        write_whole(out / "report.html", render(results, plan).encode())
    done = {"seconds": round(time.time() - started, 1), "cached": answers.cached, "workers": workers}
    write_run(out, evaluation, finished=True, **done)
    return results


def _learned(evaluation: Evaluation) -> Iterator[tuple[str, int]]:
    """Yield the detectors that learned from some of the photographs, and from how many."""
    known = {}
    for name, detector in evaluation.detectors.items():
        choices = [assemble(choice, evaluation.fields) for choice in detector.choices]
        if learned := frozenset().union(*(one.learned for one in (detector, *choices))):
            known[name] = learned
    digests = [photo_digest(sample.image) for sample in evaluation.samples] if known else []
    for name, learned in known.items():
        if count := sum(digest in learned for digest in digests):
            yield name, count


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that does not outlive its use, nor the next one's if the process is killed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _judge_all(evaluation: Evaluation, plan: Plan, workers: int) -> Iterator[Verdicts]:
    tasks = (
        Task(place * len(evaluation.samples) + index, sample, perturbation)
        for place, perturbation in enumerate((None, *evaluation.perturbations))
        for index, sample in enumerate(evaluation.samples)
    )
    own = plugins.names("detectors", own=True)
    used = {parts(plugins.name_of(detector))[0] for detector in evaluation.detectors.values()}
    preload = [f"tamperscope.detectors.{name}" for name in sorted(used) if name in own]
    yield from ordered(
        partial(judge, plan=plan),
        tasks,
        min(workers, len(evaluation.samples)),
        lost=partial(lost, plan=plan),
        preload=[judge.__module__, *preload],
    )


class _Answers:
    """Collects what the workers report, and writes the rows as they come."""

    def __init__(self, evaluation: Evaluation, out: Path) -> None:
        self._rows = Rows(out / "results.parquet", evaluation.metrics)
        self._facts = {name: facts(evaluation, name) for name in evaluation.detectors}
        self.cached = 0
        self.series: dict[Perturbation | None, dict[str, Series]] = {
            perturbation: {name: Series(name) for name in (*evaluation.detectors, NOTHING)}
            for perturbation in (None, *evaluation.perturbations)
        }

    def __enter__(self) -> "_Answers":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._rows.close(whole=kind is None)

    def add(self, verdicts: Verdicts) -> None:
        """Take what came of one photo."""
        self.cached += verdicts.cached
        task = verdicts.task
        for name, answer in verdicts.answers.items():
            self.series[task.perturbation][name].add(task.sample, answer)
            if name == NOTHING:
                continue
            photo = {
                "perturbation": task.perturbation.name if task.perturbation else "",
                "image": task.sample.name,
                "group": task.sample.group,
                "kind": task.sample.kind,
                "manipulated": task.sample.manipulated,
                "digest": verdicts.digest,
            }
            self._rows.add({**self._facts[name], **photo}, answer)

    def finish(self, perturbation: Perturbation | None) -> None:
        """Pool a condition's pixels as soon as all are there, since their rankings take much of the disk."""
        for series in self.series[perturbation].values():
            series.pool()


def _conditions(
    evaluation: Evaluation, series: Mapping[Perturbation | None, Mapping[str, Series]]
) -> Iterator[Condition]:
    for perturbation, found in series.items():
        every = [
            number for one in found.values() for number in numbers(one, evaluation.metrics, evaluation.seed)
        ]
        plain = list(found.values()) if perturbation is None else []
        gaps = differences(plain, evaluation.metrics, evaluation.seed)
        yield Condition(perturbation, found, tuple(every), tuple(gaps))
