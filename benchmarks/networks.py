"""Learned detectors as a user meets them, and beside PyTorch; and how fast the networks learn."""

import csv
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from tamperscope import plugins
from tamperscope.demo import make
from tamperscope.detectors._onnx import open_weights, shipped
from tamperscope.detectors._patches import PatchNetwork
from tamperscope.networks._base import Truth
from tamperscope.training.config import Training
from tamperscope.training.data import open_splits
from tamperscope.training.run import build_network, train

_TRIED = [("stride", "64"), ("stride", "32"), ("exact", "false"), ("exact", "true")]
_SIZES = {"384x256": (256, 384), "1 MP": (1000, 1000), "12 MP": (3000, 4000)}


def scan(photo: Path, name: str, *words: str) -> tuple[float, int]:
    """Return seconds and the peak resident MiB."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "tamperscope", "scan", str(photo), "--detector", name, *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 3)
    return time.perf_counter() - started, usage.ru_maxrss // 1024


def analysis(name: str, folder: Path) -> None:
    forged, _ = make(folder)
    picture = np.asarray(Image.open(forged))
    for label, (height, width) in _SIZES.items():
        photo = folder / f"{label}.jpg"
        cv2.imwrite(str(photo), np.tile(picture, (8, 7, 1))[:height, :width])
        known = {entry.name for entry in fields(plugins.load("detectors", name))}
        for field, value in [pair for pair in _TRIED if pair[0] in known] or [("", "")]:
            words = ("--set", f"{name}.{field}={value}") if field else ()
            seconds, memory = scan(photo, name, *words)
            print(f"{name}, {label}, {' '.join(words[1:])}: {seconds:.2f} s, {memory} MiB", flush=True)


def peer(name: str) -> None:
    """Run the same weights' network by ONNX Runtime and by PyTorch, on the same 64 patches."""
    pixels = np.random.default_rng(0).random((64, 3, 64, 64), np.float32)
    trained, network = open_weights(shipped(name), name), build_network(name).eval()
    with torch.inference_mode():
        rates = []
        judge = trained.judge(np.zeros((trained.context, trained.context, 3), np.uint8))
        for run in (lambda: judge(pixels), lambda: network(torch.from_numpy(pixels))):
            run()
            started = time.perf_counter()
            for _ in range(8):
                run()
            rates.append(8 * 64 / (time.perf_counter() - started))
    print(f"{name}: {rates[0]:.0f} patches/s, {rates[0] / rates[1]:.2f} times PyTorch's {rates[1]:.0f}")


def learning(name: str, data: str, photos: Path, folder: Path) -> None:
    """Learn from 6400 patches as `tamperscope train` does, and by plain PyTorch from patches in memory."""
    splits = open_splits(data, photos, 0)
    few = Training(epochs=2, epoch_steps=100, validation=1, resaved=0.5, workers=1)
    train(name, splits["train"], splits["val"], few, folder / f"run-{name}")
    with (folder / f"run-{name}" / "metrics.csv").open() as file:
        seconds = float(list(csv.DictReader(file))[-1]["seconds"])
    print(f"{name}: {6400 / seconds:.0f} patches/s learned, reading and validation included")
    network = build_network(name)
    adam = torch.optim.Adam(network.parameters())
    pixels, truth = torch.rand(64, 3, 64, 64), Truth(torch.zeros(64, 64, 64).long(), torch.zeros(64).long())
    started = time.perf_counter()
    for _ in range(8):
        adam.zero_grad()
        torch.autograd.backward(network.loss(network(pixels), truth))
        adam.step()
    print(f"{name}: {8 * 64 / (time.perf_counter() - started):.0f} patches/s by plain PyTorch, nothing read")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in plugins.names("networks", own=True):
            if not shipped(name).exists():
                continue
            analysis(name, Path(folder))
            if issubclass(plugins.load("detectors", name), PatchNetwork):
                peer(name)
                if len(sys.argv) > 2:
                    learning(name, sys.argv[1], Path(sys.argv[2]), Path(folder))


if __name__ == "__main__":
    main()
