"""Data sets of manipulated and pristine photographs; one file each, named as it is registered."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamperscope.datasets._base import Dataset, Source
    from tamperscope.datasets._open import open_dataset
    from tamperscope.datasets._splits import select, split

__all__ = ["Dataset", "Source", "open_dataset", "select", "split"]

# Imported when first used: `plugins.names` must list data sets without importing what reads them.
_HOMES = {
    "Dataset": "_base",
    "Source": "_base",
    "open_dataset": "_open",
    "select": "_splits",
    "split": "_splits",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tamperscope.datasets' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tamperscope.datasets.{_HOMES[name]}"), name)
