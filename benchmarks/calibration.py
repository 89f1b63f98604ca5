"""False alarms and detections of `adjpeg` by size and history, from which its card's caution was chosen.

Pristine photos of the train split are scaled down, so that no compression of their own remains, then saved
once, saved twice, changed in contrast between two savings, or forged between them: an ellipse shows the
photo itself, shifted by a fraction of a pixel. Usage: calibration.py ROOT [SPLIT]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import tamperscope

HISTORIES = ("saved twice", "saved twice", "forged", "forged", "saved once", "contrast changed")
SIZES = (0, 0.25, 1.0, 100)  # megapixels


def save(image: Image.Image, quality: int, subsampling: int) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return stream.getvalue()


def stretch(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    low, high, gamma = rng.uniform(0, 20), rng.uniform(235, 255), rng.uniform(0.8, 1.25)
    values = np.clip((np.asarray(image) - low) / (high - low), 0, 1) ** gamma
    return Image.fromarray((255 * values).round().astype(np.uint8))


def forge(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = (int(side * rng.uniform(0.08, 0.4)) for side in image.size)
    x, y = int(rng.integers(0, image.width - width)), int(rng.integers(0, image.height - height))
    outline = Image.new("L", image.size, 0)
    ImageDraw.Draw(outline).ellipse((x, y, x + width, y + height), fill=255)
    right, down = int(rng.integers(9, 60)) + 0.5, int(rng.integers(9, 40)) + 0.5
    moved = image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, -right, 0, 1, -down), Image.Resampling.BILINEAR
    )
    return Image.composite(moved, image, outline)


def judge(task: tuple[Path, int]) -> tuple[str, float, float, bool]:
    """Return history, megapixels, area marked, and whether the photo is accused."""
    path, seed = task
    rng = np.random.default_rng(seed)
    history = HISTORIES[seed % len(HISTORIES)]
    image = Image.open(path).convert("RGB")
    scale = (
        rng.choice([3 / 7, 5 / 9, 2 / 3]) if image.width * image.height > 5e5 else rng.choice([0.7, 0.8, 0.9])
    )
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.LANCZOS)
    first, second = int(rng.integers(50, 97)), int(rng.integers(60, 99))
    subsampling = int(rng.choice([0, 2]))
    if history != "saved once":
        image = Image.open(BytesIO(save(image, first, subsampling))).convert("RGB")
    if history == "contrast changed":
        image = stretch(image, rng)
    if history == "forged":
        image = forge(image, rng)
    detector = tamperscope.detector("adjpeg")
    found = detector.localize(tamperscope.load(save(image, second, subsampling)))
    threshold = detector.card.threshold
    pixels = image.width * image.height / 1e6
    return history, pixels, float(found.mask(threshold).mean()), (found.score or 0) >= threshold


def main() -> None:
    root, split = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "train"
    with (root / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split and row["label"] == "0"]
    chosen = [root / row["image"] for row in rows if row["dataset"] == "native"] * 12
    for dataset in ("bsds500", "casia1"):
        chosen += [root / row["image"] for row in rows if row["dataset"] == dataset][:200]
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(judge, zip(chosen, range(len(chosen)), strict=False), chunksize=8))
    for history in dict.fromkeys(HISTORIES):
        for low, high in pairwise(SIZES):
            group = [entry for entry in results if entry[0] == history and low <= entry[1] < high]
            if group:
                accused, area = np.mean([entry[3] for entry in group]), np.mean([entry[2] for entry in group])
                print(
                    f"{history}, {low} to {high} MP: n {len(group)}, accused {accused:.3f}, marked {area:.3f}"
                )
    pristine = [entry for entry in results if entry[0] != "forged"]
    print(f"all pristine: n {len(pristine)}, accused {np.mean([entry[3] for entry in pristine]):.3f}")


if __name__ == "__main__":
    main()
