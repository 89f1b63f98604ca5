"""What a page shows of a photo and of each detector's heat: pictures of the same size, upright."""

import json
from dataclasses import asdict

import cv2
import numpy as np

from tamperscope.io.decode import decode, read_file
from tamperscope.io.encode import encode_png, encode_view
from tamperscope.io.paths import JUDGED, write_whole
from tamperscope.io.render import COLOURS, hatch, shrunk, upright
from tamperscope.report.content import for_pictures, gather
from tamperscope.scanning.photo import Plan
from tamperscope.serving.places import Places

__all__ = ["draw_views"]

_SIDE = 2048  # pixels of the longer side, at most


def draw_views(places: Places, plan: Plan, detectors: list[str]) -> None:
    """Write the pictures of an analysis that is done, and what is said of it; a page decodes nothing."""
    said = asdict(gather(places.results, photo=places.sent, limits=plan.limits, pictures=False))
    write_whole(places.said, json.dumps(said).encode())
    photo = decode(read_file(places.sent, plan.limits.bytes), salvage=plan.salvage, limits=plan.limits)
    picture = shrunk(upright(photo.pixels, photo.orientation), _SIDE)
    write_whole(places.view, encode_view(picture))
    limits = for_pictures(plan.limits)
    for name in detectors:
        drawn = places.results / f"{name}.heatmap.png"
        if not drawn.exists():  # it could not judge the photo
            continue
        heat = decode(drawn, limits=limits).pixels[..., 0]
        seen = shrunk(upright(np.ascontiguousarray(heat), photo.orientation), _SIDE)
        # The hotter, the more opaque: cold areas show the photo itself, stripes lie over what is not judged.
        layer = np.dstack([cv2.cvtColor(cv2.applyColorMap(seen, COLOURS), cv2.COLOR_BGR2RGB), seen])
        if (judged := places.results / f"{name}{JUDGED}").exists():
            found = np.ascontiguousarray(decode(judged, limits=limits).pixels[..., 0])
            valid = shrunk(upright(found, photo.orientation), _SIDE) >= 128
            layer[~valid, 3] = 0
            hatch(layer, valid)
        write_whole(places.layer(name), encode_png(layer, level=6))
