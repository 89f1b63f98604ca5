"""What each part of `fusion` is worth: the shipped weights without it, on photographs whose truth is known.

Usage: ablation.py MANIFEST [SPLIT...]

Training left each stream out of a share of the photographs, so that the network knows what to say without it.
"""

import sys
import tempfile
from pathlib import Path

from tamperscope import plugins
from tamperscope.detectors._learned import Learned
from tamperscope.detectors._onnx import NetworkCard, open_weights, shipped
from tamperscope.networks.fusion import Fusion
from tamperscope.training.data import open_splits
from tamperscope.training.export import to_onnx, with_card
from tamperscope.training.folder import load_weights
from tamperscope.training.measure import measure_photos

_FIGURES = ("pixel_auc", "pixel_f1@card", "false_alarm_area@card", "image_auc")


def detectors(folder: Path, card: NetworkCard) -> dict[str, Learned]:
    """Return the detector as it is shipped, without each of its steps, and without copies and each stream."""
    found: dict[str, dict[str, float]] = {
        "all": {},
        "no edges of the photo": {"edges": False},
        "one look": {"smaller": 0},
        "no copies": {"copies": 0},
    }
    made = {name: plugins.build("detectors", "fusion", **options) for name, options in found.items()}
    for name in list(Fusion.variants)[1:]:
        network = Fusion(**Fusion.variants[name])
        load_weights(network, shipped("fusion"))
        weights = folder / f"{name}.onnx"
        weights.write_bytes(with_card(to_onnx(network), card))
        made[f"no copies, {name}"] = plugins.build("detectors", "fusion", weights=str(weights), copies=0)
    return made


def main() -> None:
    manifest = sys.argv[1]
    card = open_weights(shipped("fusion"), "fusion").card
    splits = open_splits(manifest, None, 0, sys.argv[2:] or ("test",))
    with tempfile.TemporaryDirectory() as folder:
        made = detectors(Path(folder), card)
        for split, photographs in splits.items():
            for name, detector in made.items():
                for source, figures in measure_photos(detector, photographs).items():
                    said = ", ".join(f"{key} {figures[key]}" for key in _FIGURES)
                    print(f"{source} {split} (n {figures['manipulated']}), {name}: {said}", flush=True)


if __name__ == "__main__":
    main()
