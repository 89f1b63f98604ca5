"""Columbia Uncompressed: crude splices of photographs from four cameras, TIFF."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._files import by_stem, pictures
from tamperscope.datasets._masks import read_channels
from tamperscope.types import Sample

__all__ = ["Columbia"]


@dataclass(frozen=True)
class Columbia(Dataset):
    """Columbia Uncompressed Image Splicing Detection Evaluation Dataset."""

    card = Source(
        title="Columbia Uncompressed Image Splicing Detection Evaluation Dataset",
        paper="Hsu & Chang, ICME 2006",
        year=2006,
        url="https://www.ee.columbia.edu/ln/dvmm/downloads/authsplcuncmp/",
        terms="research only, by agreement",
        layout="""
            4cam_auth/*.tif
            4cam_splc/*.tif
            4cam_splc/edgemask/NAME_edgemask.jpg
        """,
        manipulated=180,
        pristine=183,
        faults=(
            "masks are JPEG drawings: red the host, green the inserted part, both bright at the edge; a "
            "pixel is manipulated where green exceeds red",
            "names do not tell which photographs a splice was made from: a split may still share sources",
            "Thumbs.db and the masks of pristine photographs are passed over",
        ),
    )

    def _samples(self) -> Iterator[Sample]:
        folder = self.root / "4cam_splc"
        if not folder.is_dir():
            raise self.wrong("no folder of forgeries")
        masks = by_stem(folder / "edgemask", "_edgemask")
        for path in [*pictures(folder), *pictures(self.root / "4cam_auth")]:
            yield self.sample(
                path,
                manipulated=path.parent == folder,
                mask=masks.get(path.stem.lower()),
                kind="splice",
            )

    def _mask(self, sample: Sample, path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ARG002
        red, green, _ = np.moveaxis(read_channels(path, shape), 2, 0)
        found: NDArray[np.bool_] = green > red
        return found
