"""Opens a data set by its name, where it lies in its published layout or in a manifest."""

from pathlib import Path
from typing import Any

from tamperscope import plugins
from tamperscope.datasets._base import Dataset

__all__ = ["open_dataset"]


def open_dataset(name: str, root: Path, **fields: Any) -> Dataset:
    """Return the data set of that name below ``root``.

    If the root holds a manifest that lists the data set, it is read from there.

    Raises:
        UnknownPlugin: no data set of that name. InvalidParameter: a field that does not fit.
        WrongLayout: the manifest cannot be read.

    """
    if name != "manifest" and not fields:
        manifest: Dataset = plugins.build("datasets", "manifest", root=root, dataset=name)
        if manifest.lists(name):  # type: ignore[attr-defined]
            return manifest
    found: Dataset = plugins.build("datasets", name, root=root, **fields)
    return found
