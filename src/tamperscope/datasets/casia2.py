"""CASIA 2.0: splices and copy-moves with blurred edges, JPEG and TIFF of several sizes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._casia import samples
from tamperscope.datasets._files import find_folder, pictures
from tamperscope.datasets._masks import read_mask
from tamperscope.types import Sample

__all__ = ["Casia2"]


@dataclass(frozen=True)
class Casia2(Dataset):
    """CASIA 2.0 with the masks of Pham et al. 2019."""

    card = Source(
        title="CASIA Tampered Image Detection Evaluation Database 2.0",
        paper="Dong, Wang & Tan, ChinaSIP 2013, doi 10.1109/ChinaSIP.2013.6625374; masks: Pham et al., "
        "Symmetry 11(1):83, 2019",
        year=2013,
        url="https://github.com/namtpham/casia2groundtruth",
        terms="research only",
        layout="""
            Au/Au_ani_00001.jpg
            Tp/Tp_D_NRN_S_N_ani00001_ani00002_00003.tif
            "CASIA 2 Groundtruth"/NAME_gt.png (or Groundtruth/...)
        """,
        manipulated=5123,
        pristine=7491,
        faults=(
            "files and masks were renamed, so that names differ: what remains is paired by the number at the "
            "end of the name where only one image and one mask have it",
            "some forgeries have no mask: excluded and counted where one is needed",
            "some masks have rows and columns swapped: swapped back where the size fits only so",
            "some masks are of another size: excluded and counted, never resized",
            "the classes were saved with different JPEG tables: image-level numbers count only equalized",
        ),
    )

    def _samples(self) -> Iterator[Sample]:
        truth = find_folder(self.root, "CASIA 2 Groundtruth", "CASIA2.0_Groundtruth", "Groundtruth")
        if not truth or not (self.root / "Tp").is_dir():
            raise self.wrong(f"no folder of {'forgeries' if truth else 'masks'}")
        forged, pristine = pictures(self.root / "Tp"), pictures(self.root / "Au")
        masks = _pair(forged, pictures(truth))
        yield from samples(self, forged, pristine, masks.get)

    def _mask(self, sample: Sample, path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ARG002
        return read_mask(path, shape, transposed=True)


def _pair(images: list[Path], masks: list[Path]) -> dict[Path, Path]:
    """Pair by name, and what remains by the number at the end of the name, if it is unique on both sides."""
    by_name = {path.stem.rpartition("_gt")[0].lower(): path for path in masks}
    paired = {path: by_name[path.stem.lower()] for path in images if path.stem.lower() in by_name}
    left = [path for path in images if path not in paired]
    used = set(paired.values())
    spare = [path for path in masks if path not in used]
    keys = [_number(path.stem) for path in left], [_number(path.stem.rpartition("_gt")[0]) for path in spare]
    once = {key for key, count in Counter(keys[0]).items() if count == 1}
    once &= {key for key, count in Counter(keys[1]).items() if count == 1}
    of = dict(zip(keys[1], spare, strict=True))
    return paired | {path: of[key] for path, key in zip(left, keys[0], strict=True) if key in once}


def _number(stem: str) -> str:
    return stem.rpartition("_")[2]
