"""CoMoFoD: copy-moves, translated, rotated, scaled, combined or distorted, and each post-processed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._files import pictures
from tamperscope.plugins import option
from tamperscope.types import Sample

__all__ = ["Comofod"]


@dataclass(frozen=True)
class Comofod(Dataset):
    """CoMoFoD, small images; ``variant`` chooses one kind of post-processing."""

    card = Source(
        title="CoMoFoD, image database for copy-move forgery detection (small images)",
        paper="Tralic, Zupancic, Grgic & Grgic, ELMAR 2013",
        year=2013,
        url="https://www.vcl.fer.hr/comofod/",
        terms="research only",
        layout="""
            001_O.png (original), 001_F.png (forged), 001_B.png (mask), 001_M.png (coloured mask, not used)
            001_O_JC1.jpg, 001_F_JC1.jpg, ... (post-processed)
        """,
        manipulated=200,
        pristine=200,
        faults=(
            "the mask marks the source of a copy as well as the copy: both count as manipulated",
            "post-processed versions show the same scenes: they share a group; left out unless chosen",
        ),
    )

    variant: str = option("", "post-processing, such as JC1 or BC2; the images without any if empty")

    def _samples(self) -> Iterator[Sample]:
        paths = pictures(self.root)
        found = {path.stem: path for path in paths}
        ending = f"_{self.variant}" if self.variant else ""
        for path in paths:
            parts = re.fullmatch(rf"(\d+)_([OF]){re.escape(ending)}", path.stem)
            if parts:
                scene = parts[1]
                yield self.sample(
                    path,
                    manipulated=parts[2] == "F",
                    group=scene,
                    mask=found.get(f"{scene}_B"),
                    kind="copy-move",
                    original=found.get(f"{scene}_O{ending}"),
                )
