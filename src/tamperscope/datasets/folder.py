"""Photographs of your own: two folders, paired by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._files import name_below, pictures
from tamperscope.types import Sample

__all__ = ["Folder"]

_SHOWN = 10


@dataclass(frozen=True)
class Folder(Dataset):
    """Pairs `images/NAME.*` with `masks/NAME.*` by the name without suffix, also in folders below them."""

    card = Source(
        title="A folder of your own",
        paper="none: ours",
        url="docs/guide/datasets.md",
        terms="those of the photographs",
        layout="""
            images/NAME.jpg (manipulated; any format, any depth)
            masks/NAME.png (white where manipulated)
            pristine/NAME.jpg (if there are any)
        """,
    )

    def _samples(self) -> Iterator[Sample]:
        images, masks = self._by_key("images"), self._by_key("masks")
        if orphans := images.keys() ^ masks.keys():
            names = sorted(name_below(self.root, (images | masks)[key]) for key in orphans)
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            raise self.wrong(
                f"images without a mask or masks without an image: {', '.join(names[:_SHOWN])}{more}"
            )
        for key, path in images.items():
            yield self.sample(path, manipulated=True, mask=masks[key])
        for path in pictures(self.root / "pristine", recursive=True):
            yield self.sample(path, manipulated=False)

    def _by_key(self, part: str) -> dict[str, Path]:
        folder, found = self.root / part, {}
        for path in pictures(folder, recursive=True):
            key = name_below(folder, path.with_suffix(""))
            if key in found:
                raise self.wrong(f"two files share the name {part}/{key}")
            found[key] = path
        return found
