"""The table of results: one row an image, detector and metric, as Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tamperscope.evaluation.judge import JUDGED, Answer
from tamperscope.io.paths import unwritable
from tamperscope.metrics._base import Metric

__all__ = ["SCHEMA", "Rows"]

_BATCH = 20_000

SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("condition", pa.string()),
        ("perturbation", pa.string()),
        ("seed", pa.int64()),
        ("image", pa.string()),
        ("group", pa.string()),
        ("kind", pa.string()),
        ("manipulated", pa.bool_()),
        ("digest", pa.string()),
        ("detector", pa.string()),
        ("parameters", pa.string()),
        ("weights_digest", pa.string()),
        ("threshold", pa.float64()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)


class Rows:
    """Writes rows in batches to a draft, which takes its name when all are there.

    Raises:
        OutputError: it cannot be written.

    """

    def __init__(self, path: Path, metrics: Sequence[Metric]) -> None:
        self._path, self._metrics = path, metrics
        self._draft = path.with_name(f".{path.name}.part")
        self._waiting: list[dict[str, Any]] = []
        try:
            self._writer = pq.ParquetWriter(self._draft, SCHEMA, compression="zstd")
        except OSError as error:
            raise unwritable(self._path, error) from error

    def add(self, facts: Mapping[str, Any], answer: Answer) -> None:
        """Add the rows of one detector's answer to one photo, one for each metric that concerns the photo."""
        for place, metric in enumerate(self._metrics):
            if metric.pooled or not metric.concerns(facts["manipulated"]):
                continue
            value = answer.values[place] if answer.values else None
            status, reason = answer.status_for(metric), answer.reason
            if value is None and status == JUDGED:
                # A detector's words tell why there is no score, but nothing of a metric of places.
                status, reason = "undefined", metric.convention if metric.level == "pixel" else reason
            elif status != answer.status:
                reason = answer.unmasked
            self._waiting.append(
                {
                    **facts,
                    "threshold": None if answer.threshold != answer.threshold else answer.threshold,
                    "metric": metric.name,
                    "value": value,
                    "status": status,
                    "reason": reason,
                }
            )
        if len(self._waiting) >= _BATCH:
            self._flush()

    def close(self, *, whole: bool) -> None:
        """Finish the file; unless it is ``whole``, leave what was there before."""
        try:
            if whole:
                self._flush()
            self._writer.close()
            if whole:
                self._draft.replace(self._path)
            else:
                self._draft.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self._path, error) from error

    def _flush(self) -> None:
        try:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, SCHEMA))
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._waiting.clear()
