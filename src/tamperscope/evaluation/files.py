"""The files of an evaluation: which folder it may use, what identifies it, and the table of its numbers."""

import csv
import hashlib
import json
import platform
import sys
from dataclasses import asdict, fields
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamperscope import __version__, plugins
from tamperscope.errors import OutputError
from tamperscope.evaluation.cache import LIBRARIES, Cache, code_digest
from tamperscope.evaluation.summary import Number
from tamperscope.io.paths import display, write_whole
from tamperscope.io.provenance import versions

if TYPE_CHECKING:
    from tamperscope.evaluation.run import Evaluation, Results

__all__ = ["claim", "facts", "settings", "summary", "write_run"]


def facts(evaluation: "Evaluation", name: str) -> dict[str, Any]:
    """Return what every number of the named detector carries with it."""
    detector = evaluation.detectors.get(name)  # none for a map of zeros
    known = Cache(Path(), evaluation.fields).describe(detector) if detector else {}
    choices = known.get("choices", {})
    chosen = {f"{choice}.*": facts["parameters"] for choice, facts in choices.items()}
    parameters = {**known.get("parameters", {}), **chosen}
    digests = [facts["weights_digest"] for facts in (known, *choices.values()) if facts.get("weights_digest")]
    return {
        "dataset": evaluation.name,
        "split": evaluation.split,
        "condition": evaluation.condition,
        "seed": evaluation.seed,
        "detector": name,
        "parameters": json.dumps(parameters, sort_keys=True, default=str) if known else "",
        "weights_digest": " ".join(dict.fromkeys(digests)),
    }


def settings(evaluation: "Evaluation") -> dict[str, Any]:
    """Return what identifies an evaluation, fit for JSON."""
    cache = Cache(Path(), evaluation.fields)
    return {
        "dataset": evaluation.name,
        "split": evaluation.split,
        "samples": _digest(evaluation),
        "detectors": {name: cache.describe(detector) for name, detector in evaluation.detectors.items()},
        "metrics": [metric.name for metric in evaluation.metrics],
        "perturbations": [perturbation.name for perturbation in evaluation.perturbations],
        "qualities": list(evaluation.qualities) if evaluation.qualities else None,
        "seed": evaluation.seed,
    }


def summary(results: "Results") -> str:
    """Return the table of all numbers, CSV."""
    evaluation = results.evaluation
    stream = StringIO()
    columns = dict.fromkeys(
        [*facts(evaluation, ""), "perturbation", *(entry.name for entry in fields(Number))]
    )
    writer = csv.DictWriter(stream, list(columns), lineterminator="\n")
    writer.writeheader()
    known = {name: facts(evaluation, name) for name in results.conditions[0].series}
    for condition in results.conditions:
        for number in condition.numbers:
            writer.writerow({**known[number.detector], "perturbation": condition.name, **asdict(number)})
    return stream.getvalue()


def _digest(evaluation: "Evaluation") -> str:
    """Return the SHA-256 of where the samples lie, and of what is said of them."""
    found = hashlib.sha256(display(evaluation.dataset.root.resolve()).encode())
    for sample in evaluation.samples:
        facts = sample.name, sample.manipulated, sample.group, sample.kind, sample.split
        found.update(json.dumps(facts).encode())
    return found.hexdigest()


def claim(out: Path, evaluation: "Evaluation") -> None:
    """Make the folder this evaluation's; one that holds another's results is left as it is.

    Raises:
        OutputError: it holds another's, or cannot be written.

    """
    known = out / "run.json"
    try:
        stored = json.loads(known.read_bytes())["settings"]
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        raise OutputError("is a file, not a folder", "choose another --out folder", display(out)) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise _taken(out, "a run.json that cannot be read") from None
    else:
        wanted = json.loads(json.dumps(settings(evaluation), default=str))
        if stored != wanted:
            old = stored if isinstance(stored, dict) else {}
            changed = [key for key in wanted if old.get(key) != wanted[key]]
            raise _taken(out, f"an evaluation with other settings ({', '.join(changed)})")
    write_run(out, evaluation, finished=False)


def _taken(out: Path, what: str) -> OutputError:
    return OutputError(f"holds {what}", "choose another --out folder, or remove it", display(out))


def write_run(out: Path, evaluation: "Evaluation", *, finished: bool, **more: Any) -> None:
    """Write down how the results come about.

    Raises:
        OutputError: the folder cannot be written.

    """
    content = {
        "settings": settings(evaluation),
        "root": display(evaluation.dataset.root),
        "version": __version__,
        "code": {
            name: code_digest(plugins.name_of(detector)) for name, detector in evaluation.detectors.items()
        },
        "python": platform.python_version(),
        "libraries": versions(LIBRARIES),
        "command": sys.argv,
        "finished": finished,
        **more,
    }
    write_whole(out / "run.json", (json.dumps(content, indent=2, default=str) + "\n").encode())
