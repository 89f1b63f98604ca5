"""Makes a forged photo and its pristine twin from photographs in the public domain, to try a scan on."""

from importlib import resources
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tamperscope.errors import OutputError
from tamperscope.io.paths import display, write_whole

__all__ = ["make"]

_CAMERA_QUALITY, _EDITOR_QUALITY = 75, 92
_PLACE = (330, 150)  # of the pasted head's box, left and top, off the host's 8x8 grid


def make(folder: Path) -> tuple[Path, Path]:
    """Write `forged.jpg` and `pristine.jpg`; return their paths.

    Both were saved by a "camera" and again by an "editor", which in one of them pasted a cat's head.

    Raises:
        OutputError: the folder cannot be written, or holds other files of these names.

    """
    host = _photo("coffee")
    camera = Image.open(BytesIO(_jpeg(host, _CAMERA_QUALITY))).convert("RGB")
    forged = Image.fromarray(_paste(camera, _photo("chelsea")))
    made = folder / "forged.jpg", folder / "pristine.jpg"
    files = {path: _jpeg(image, _EDITOR_QUALITY) for path, image in zip(made, (forged, camera), strict=True)}
    for path, data in files.items():
        if path.exists() and path.read_bytes() != data:
            raise OutputError("another file has this name", "choose another --out folder", display(path))
    for path, data in files.items():
        write_whole(path, data)
    return made


def _photo(name: str) -> Image.Image:
    data = resources.files("tamperscope.demo").joinpath(f"{name}.webp").read_bytes()
    return Image.open(BytesIO(data)).convert("RGB")


def _paste(host: Image.Image, donor: Image.Image) -> NDArray[np.uint8]:
    head = donor.crop((110, 10, 330, 210))
    outline = Image.new("L", head.size, 0)
    ImageDraw.Draw(outline).ellipse((8, 8, head.width - 8, head.height - 8), fill=255)
    result = host.copy()
    result.paste(head, _PLACE, outline.filter(ImageFilter.GaussianBlur(2)))
    return np.asarray(result)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
