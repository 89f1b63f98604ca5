"""IMD2020: forgeries that unknown people made with unknown tools, collected from the web."""

from collections.abc import Iterator
from dataclasses import dataclass

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._files import pictures
from tamperscope.types import Sample

__all__ = ["Imd2020"]


@dataclass(frozen=True)
class Imd2020(Dataset):
    """The real-life manipulated images of IMD2020, one folder for each original."""

    card = Source(
        title="IMD2020, real-life manipulated images",
        paper="Novozamsky, Mahdian & Saic, WACVW 2020",
        year=2020,
        url="http://staff.utia.cas.cz/novozada/db/",
        terms="research only",
        layout="""
            1a1ogs/1a1ogs_orig.jpg
            1a1ogs/NAME.jpg or .png, and NAME_mask.png
        """,
        manipulated=2010,
        pristine=414,
        faults=(
            "masks were drawn by hand around what had changed, and are not exact at the edges",
            "originals and forgeries went through different web sites: image-level numbers count only when "
            "equalized",
            "the originals are the web's, and may have been edited themselves",
        ),
    )

    def _samples(self) -> Iterator[Sample]:
        for folder in sorted(path for path in self.root.glob("*") if path.is_dir()):
            paths = pictures(folder)
            found = {path.stem: path for path in paths}
            original = next((path for stem, path in found.items() if stem.endswith("_orig")), None)
            for path in paths:
                if not path.stem.endswith("_mask"):
                    yield self.sample(
                        path,
                        manipulated=path != original,
                        group=folder.name,
                        mask=found.get(f"{path.stem}_mask"),
                        original=original,
                    )
