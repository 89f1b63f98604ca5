"""A collection of small photos: killed half-way and resumed, one worker and two, the engine's overhead."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from pyarrow import dataset

from tamperscope.cluster.collection import scan_collection
from tamperscope.cluster.engines import Engine, Processes, Ray
from tamperscope.cluster.work import Batch, Done
from tamperscope.demo import make
from tamperscope.scanning.batch import check
from tamperscope.scanning.photo import Plan, examine


def write_photos(folder: Path, count: int, side: int) -> Path:
    """Make different JPEG files of a side's pixels from the demonstration's photographs."""
    folder.mkdir()
    source = np.asarray(Image.open(make(folder.parent)[1]))
    rng = np.random.default_rng(0)
    for index in range(count):
        y, x = (int(rng.integers(0, whole - side)) for whole in source.shape[:2])
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 99))]
        cv2.imwrite(str(folder / f"{index:05}.jpg"), source[y : y + side, x : x + side, ::-1], quality)
    return folder


def uris(out: Path) -> list[str]:
    """Return the photos that have a row, each as often as it has."""
    parts = sorted(map(str, out.glob("results/*.parquet")))
    return dataset.dataset(parts).to_table(columns=["uri"])["uri"].to_pylist() if parts else []


def kill_and_resume(photos: Path, out: Path, detector: str, count: int) -> None:
    """Kill a run half-way with all that it started, resume it, and check what is in the table."""
    words = [sys.executable, "-m", "tamperscope", "scan", "--engine", "ray", str(photos), "--out", str(out)]
    words += ["--workers", "2", "--detector", detector]
    process = subprocess.Popen(words, start_new_session=True)
    while (done := len(list(out.glob("results/*.parquet"))) * 32) < count / 2:
        assert process.poll() is None, "it ended before it was half-way"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)  # Ray's servers are in the group; its workers notice soon
    process.wait()
    before = uris(out)
    written = {path: path.stat().st_mtime_ns for path in out.glob("results/*.parquet")}
    print(f"killed at {done} photos or more; in the table: {len(before)}", flush=True)
    ended = subprocess.run([*words, "--resume"], stdout=subprocess.PIPE, text=True, check=True)
    print("resumed:", ended.stdout.strip())
    after = Counter(uris(out))
    assert len(after) == count, f"{count - len(after)} were lost"
    assert set(after.values()) == {1}, "some are there twice"
    late = [path for path, moment in written.items() if path.stat().st_mtime_ns != moment]
    assert not late, f"{len(late)} finished files were written again"
    analysed, _, resumed = map(
        int, re.findall(r"(\d+) (?:photos analysed|failed|were done before)", ended.stdout)
    )
    assert analysed + resumed == count
    assert resumed >= len(before), "finished photos were analysed again"
    print(f"{count} photos, each once: nothing lost, nothing twice", end="; ")
    print(f"{resumed - len(before)} were written between the kill and the death of Ray's workers")


def per_second(engine: Any, photos: Path, out: Path, plan: Plan, count: int, *, maps: bool) -> float:
    """Return photos per second of an engine that runs already."""
    with engine:
        scan_collection([str(photos / "0000*.jpg")], str(out / "warm"), engine, plan, size=1)
        started = time.perf_counter()
        tally = scan_collection([str(photos)], str(out / "all"), engine, plan, maps=maps)
        seconds = time.perf_counter() - started
    assert tally.analysed == count
    shutil.rmtree(out)
    return count / seconds


class Here(Engine):
    """No engine: the same work in this process."""

    def run(self, work: Callable[[Batch], Done], batches: Iterable[Batch]) -> Iterator[Done]:
        """Do the batches one after the other."""
        return map(work, batches)


def loop(photos: Path, plan: Plan) -> float:
    """Return photos per second of a loop that reads and examines, and does nothing else."""
    cv2.setNumThreads(1)
    check(plan)
    paths = sorted(photos.iterdir())
    examine(paths[0].read_bytes(), plan)
    started = time.perf_counter()
    for path in paths:
        examine(path.read_bytes(), plan)
    return len(paths) / (time.perf_counter() - started)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--detector", default="ela")
    options.add_argument("--count", type=int, default=5000)
    options.add_argument("--side", type=int, default=96)
    asked = options.parse_args()
    plan = Plan((asked.detector,))
    with tempfile.TemporaryDirectory() as name:
        photos, out = write_photos(Path(name) / "photos", asked.count, asked.side), Path(name) / "out"
        print(f"{asked.count} JPEG files of {asked.side}x{asked.side}, detector {asked.detector}", flush=True)
        kill_and_resume(photos, out / "killed", asked.detector, asked.count)
        size = sum(path.stat().st_size for path in (out / "killed" / "results").iterdir())
        drawn = sum(path.stat().st_size for path in (out / "killed" / "maps").rglob("*.png"))
        print(f"a photo takes {size / asked.count:.0f} bytes of table, {drawn / asked.count:.0f} of maps")
        started = time.process_time()
        loop(photos, plan)
        seconds = time.process_time() - started
        started = time.process_time()
        per_second(Here(), photos, out / "timed", plan, asked.count, maps=False)
        more = time.process_time() - started - seconds
        print(
            f"CPU time of a photo: {1000 * seconds / asked.count:.2f} ms to read and examine it, "
            f"{1000 * more / asked.count:.2f} ms for listing and tables",
            flush=True,
        )
        for maps in (False, True):
            for kind in (Processes, Ray):
                one, two = (
                    per_second(kind(workers), photos, out / "timed", plan, asked.count, maps=maps)
                    for workers in (1, 2)
                )
                alone = loop(photos, plan)  # beside each, for what else runs here changes
                print(
                    f"{kind.__name__}, maps {'written' if maps else 'not written'}: one worker {one:.1f}, "
                    f"two {two:.1f} photos/s ({two / one:.2f} times); a plain loop {alone:.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
