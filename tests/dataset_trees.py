"""Small data sets in their published layouts, for every registered data set."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from photos import crop, encode

__all__ = ["SHAPE", "TREES", "ellipse", "put", "put_mask", "write_manifest"]

SHAPE = (48, 64)


def put(path: Path, seed: int = 0, shape: tuple[int, int] = SHAPE) -> Path:
    """Write a small photo in the format of its suffix, a different one for each seed."""
    pixels = crop(*shape).copy()
    pixels[:8, :8] = seed % 256
    kind = {".jpg": "JPEG", ".tif": "TIFF", ".png": "PNG"}[path.suffix]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(pixels, kind))
    return path


def ellipse(shape: tuple[int, int] = SHAPE) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """A truth that is not symmetric: any swap of its axes or its sides shows."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return ((rows - 12) / 8) ** 2 + ((columns - 40) / 15) ** 2 <= 1


def put_mask(path: Path, *, inverted: bool = False, shape: tuple[int, int] = SHAPE) -> Path:
    """Write the ellipse as a mask."""
    truth = ellipse(shape) != inverted
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(truth.astype(np.uint8) * 255, "TIFF" if path.suffix == ".tif" else "PNG"))
    return path


def write_manifest(root: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows, with what they lack left empty."""
    columns = ["dataset", "split", "label", "kind", "group", "image", "mask", "original"]
    path = root / "manifest.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _casia1(root: Path) -> None:
    for place, (part, name) in enumerate(
        [("CM", "Sp_S_NNN_C_txt0022_txt0022_0022"), ("Sp", "Sp_D_NRN_A_ani0001_sec0002_0003")]
    ):
        put(root / "Modified Tp" / "Tp" / part / f"{name}.jpg", place)
        put_mask(root / "CASIA 1.0 groundtruth" / part / f"{name}_gt.png")
    put(root / "Au" / "Au_ani_0001.jpg", 2)
    put(root / "Au" / "Au_sec_0009.jpg", 3)


def _casia2(root: Path) -> None:
    for place, name in enumerate(
        ["Tp_D_NRN_S_N_ani00001_ani00002_00003", "Tp_S_NNN_S_N_cha00044_cha00044_00007"]
    ):
        put(root / "Tp" / f"{name}.tif", place)
        put_mask(root / "CASIA 2 Groundtruth" / f"{name}_gt.png")
    put(root / "Au" / "Au_ani_00001.jpg", 2)
    put(root / "Au" / "Au_pla_00012.jpg", 3)


def _columbia(root: Path) -> None:
    put(root / "4cam_splc" / "canong3_canonxt_sub_01.tif", 0)
    colours = np.where(ellipse()[..., None], [0, 200, 0], [200, 0, 0]).astype(np.uint8)
    (root / "4cam_splc" / "edgemask").mkdir()
    edge = root / "4cam_splc" / "edgemask" / "canong3_canonxt_sub_01_edgemask.jpg"
    edge.write_bytes(encode(colours, "JPEG", quality=100, subsampling=0))
    put(root / "4cam_auth" / "canong3_02_sub_01.tif", 1)


def _coverage(root: Path) -> None:
    for number in (1, 2):
        original, forged = crop(*SHAPE).copy(), crop(*SHAPE).copy()
        original[0, 0] = forged[0, 0] = number
        forged[ellipse()] = 255 - forged[ellipse()] // 2
        for name, pixels in ((f"{number}.tif", original), (f"{number}t.tif", forged)):
            (root / "image").mkdir(exist_ok=True)
            (root / "image" / name).write_bytes(encode(pixels, "TIFF"))
        put_mask(root / "mask" / f"{number}forged.tif")


def _carvalho(root: Path) -> None:
    put(root / "DSO-1" / "splicing-01.png", 0)
    put_mask(root / "DSO-1-Fake-Images-Masks" / "splicing-01.png", inverted=True)
    put(root / "DSO-1" / "normal-01.png", 1)


def _nist16(root: Path) -> None:
    columns = ["TaskID", "ProbeFileID", "ProbeFileName", "ProbeMaskFileName", "IsTarget", "BaseFileName"]
    columns += ["DonorFileName", "IsManipulationTypeSplice", "IsManipulationTypeRemoval"]
    rows = []
    for number, (target, base) in enumerate([("Y", "NC2016_1000"), ("Y", "NC2016_1000"), ("N", "")]):
        name = f"NC2016_{number:04}"
        put(root / "probe" / f"{name}.jpg", number)
        mask = f"reference/manipulation/mask/{name}.png" if target == "Y" else ""
        if mask:
            put_mask(root / mask, inverted=True)
        world = f"world/{base}.jpg" if base else "NA"
        rows.append(["manipulation", name, f"probe/{name}.jpg", mask, target, world, "NA", target, "N"])
    table = root / "reference" / "manipulation" / "NC2016-manipulation-ref.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("\n".join("|".join(row) for row in [columns, *rows]) + "\n")


def _ifs_tc(root: Path) -> None:
    folder = root / "dataset-dist" / "phase-01" / "training"
    put(folder / "fake" / "0a1b2c.png", 0)
    put_mask(folder / "fake" / "0a1b2c.mask.png", inverted=True)
    put(folder / "pristine" / "9f8e7d.png", 1)


def _imd2020(root: Path) -> None:
    put(root / "1a1ogs" / "1a1ogs_orig.jpg", 0)
    put(root / "1a1ogs" / "c8tf5mq_0.png", 1)
    put_mask(root / "1a1ogs" / "c8tf5mq_0_mask.png")
    put(root / "1a3oag" / "1a3oag_orig.jpg", 2)


def _comofod(root: Path) -> None:
    for name, seed in (("001_O.png", 0), ("001_F.png", 1), ("001_M.png", 2), ("001_F_JC1.jpg", 3)):
        put(root / name, seed)
    put_mask(root / "001_B.png")


def _folder(root: Path) -> None:
    put(root / "images" / "deep" / "a.jpg", 0)
    put_mask(root / "masks" / "deep" / "a.png")
    put(root / "pristine" / "b.jpg", 1)


def _manifest(root: Path) -> None:
    put(root / "a.jpg", 0)
    put_mask(root / "a_mask.png")
    put(root / "b.jpg", 1)
    shared = {"dataset": "mine", "split": "test", "group": "g"}
    write_manifest(
        root,
        [
            {**shared, "label": "1", "kind": "splice", "image": "a.jpg", "mask": "a_mask.png"},
            {**shared, "label": "0", "image": "b.jpg"},
        ],
    )


TREES: dict[str, Callable[[Path], None]] = {
    "carvalho": _carvalho,
    "casia1": _casia1,
    "casia2": _casia2,
    "columbia": _columbia,
    "comofod": _comofod,
    "coverage": _coverage,
    "folder": _folder,
    "ifs_tc": _ifs_tc,
    "imd2020": _imd2020,
    "manifest": _manifest,
    "nist16": _nist16,
}
