"""CASIA 1.0: splices and copy-moves made with Photoshop, 384x256 JPEG."""

from collections.abc import Iterator
from dataclasses import dataclass

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._casia import samples
from tamperscope.datasets._files import by_stem, find_folder, pictures
from tamperscope.types import Sample

__all__ = ["Casia1"]


@dataclass(frozen=True)
class Casia1(Dataset):
    """CASIA 1.0 with the masks of Pham et al. 2019."""

    card = Source(
        title="CASIA Tampered Image Detection Evaluation Database 1.0",
        paper="Dong, Wang & Tan, ChinaSIP 2013, doi 10.1109/ChinaSIP.2013.6625374; masks: Pham et al., "
        "Symmetry 11(1):83, 2019",
        year=2013,
        url="https://github.com/namtpham/casia1groundtruth",
        terms="research only",
        layout="""
            Au/Au_ani_0001.jpg
            Tp/CM/Sp_S_*.jpg and Tp/Sp/Sp_D_*.jpg (or "Modified Tp/Tp/...")
            "CASIA 1.0 groundtruth"/{CM,Sp}/NAME_gt.png (or Groundtruth/...)
        """,
        manipulated=921,
        pristine=800,
        faults=(
            "the classes were saved with different JPEG tables: image-level numbers count only equalized",
            "masks are called NAME_gt.png in one distribution and NAME.png in another: both are found",
            "forgeries without a mask stay in the set; where a mask is needed they are excluded and counted",
            "a forgery names its host ant0063, which is nat0063: both are of one group",
        ),
    )

    def _samples(self) -> Iterator[Sample]:
        manipulated = find_folder(self.root, "Modified Tp/Tp", "Modified Tp", "Tp", "Sp")
        truth = find_folder(self.root, "CASIA 1.0 groundtruth", "Groundtruth")
        if not manipulated or not truth:
            raise self.wrong(f"no folder of {'masks' if manipulated else 'forgeries'}")
        masks = by_stem(truth, "_gt", recursive=True) or by_stem(truth, recursive=True)
        forged, pristine = pictures(manipulated, recursive=True), pictures(self.root / "Au", recursive=True)
        yield from samples(self, forged, pristine, lambda path: masks.get(path.stem.lower()))
