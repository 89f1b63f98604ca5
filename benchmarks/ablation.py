"""What each stream of `fusion` is worth: the same weights without it, on photographs whose truth is known.

Usage: ablation.py RUN MANIFEST [SPLIT...]

RUN is the folder of a finished training. Training left each stream out of a share of the photographs, so that
the network knows what to say without it.
"""

import sys
import tempfile
from pathlib import Path

from tamperscope import plugins
from tamperscope.detectors._learned import Learned
from tamperscope.detectors._onnx import NetworkCard, open_weights, shipped
from tamperscope.networks.fusion import Fusion
from tamperscope.training.data import Photographs, open_splits
from tamperscope.training.export import to_onnx, with_card
from tamperscope.training.folder import WEIGHTS, load_weights
from tamperscope.training.measure import measure_photos

_FIGURES = ("pixel_auc", "pixel_f1@card", "image_auc")


def detectors(run: Path, folder: Path, card: NetworkCard) -> dict[str, Learned]:
    """Return the detector as it is shipped, without copies, and without them and each stream."""
    found = {"all": {}, "no copies": {"copies": 0}}
    made = {name: plugins.build("detectors", "fusion", **options) for name, options in found.items()}
    for name in list(Fusion.variants)[1:]:
        network = Fusion(**Fusion.variants[name])
        load_weights(network, run / WEIGHTS)
        weights = folder / f"{name}.onnx"
        weights.write_bytes(with_card(to_onnx(network), card))
        made[f"no copies, {name}"] = plugins.build("detectors", "fusion", weights=str(weights), copies=0)
    return made


def main() -> None:
    run, manifest = Path(sys.argv[1]), sys.argv[2]
    card = open_weights(shipped("fusion"), "fusion").card
    splits = open_splits(manifest, None, 0, sys.argv[3:] or ("test",))
    with tempfile.TemporaryDirectory() as folder:
        made = detectors(run, Path(folder), card)
        for split, photographs in splits.items():
            of = photographs.dataset.source
            for source, (_, manipulated) in photographs.sources.items():
                if not manipulated:
                    continue
                own = [sample for sample in photographs.samples if of(sample) == source]
                for name, detector in made.items():
                    figures = measure_photos(detector, Photographs(photographs.dataset, own))
                    said = ", ".join(f"{key} {figures[key]}" for key in _FIGURES)
                    print(f"{source} {split} (n {figures['manipulated']}), {name}: {said}", flush=True)


if __name__ == "__main__":
    main()
