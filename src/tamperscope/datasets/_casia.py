"""What the two versions of CASIA share: the names, which tell the photographs that an image was made from."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tamperscope.datasets._base import Dataset
from tamperscope.datasets._groups import group_by_source
from tamperscope.types import Sample

__all__ = ["samples"]


def samples(
    dataset: Dataset, forged: Sequence[Path], pristine: Sequence[Path], mask_of: Callable[[Path], Path | None]
) -> Iterator[Sample]:
    """Yield the samples of both kinds, grouped by the sources in their names."""
    group = _groups([*forged, *pristine])
    for path in forged:
        yield dataset.sample(
            path, manipulated=True, group=group[path.name], mask=mask_of(path), kind=_kind(path)
        )
    for path in pristine:
        yield dataset.sample(path, manipulated=False, group=group[path.name])


_MISSPELT = {"ant0063": "nat0063"}  # in Sp_D_NRN_A_ant0063_nat0065_0443, of CASIA 1


def _kind(path: Path) -> str:
    """Return "copy-move" for parts from the same image (Sp_S_, Tp_S_), "splice" from different ones (_D_)."""
    return {"S": "copy-move", "D": "splice"}.get(([*path.stem.split("_"), ""])[1], "")


def _groups(paths: Iterable[Path]) -> dict[str, str]:
    """Return each name's group, by the sources in it: ``Sp_D_..._ani0001_sec0002_0003``, ``Au_ani_0001``."""
    return group_by_source((path.name, _sources(path.stem)) for path in paths)


def _sources(stem: str) -> list[str]:
    plain = re.fullmatch(r"Au_([a-z]{3})_?(\d+)", stem, re.IGNORECASE)
    if plain:
        return ["".join(plain.groups()).lower()]
    named = [name.lower() for name in re.findall(r"[A-Za-z]{3}\d{4,5}", stem)]
    return [_MISSPELT.get(name, name) for name in named] or [stem]
