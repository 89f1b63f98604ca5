"""A service under load on this machine: uploads from many clients, while others look at pages.

    .venv/bin/python benchmarks/serving.py --uploads 500 --clients 16 --workers 2

Prints how many uploads met an error, how many analyses were lost, how long pages and the interface took to
answer meanwhile, and how much memory the service and its workers had at first and at last.
"""

import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

import tamperscope.demo

# What people and programs ask for meanwhile; {} is an analysis that is done.
PROBES = (
    "/healthz",
    "/",
    "/v1/analyses?limit=50",
    "/metrics",
    "/v1/detectors",
    "/v1/analyses/{}",
    "/analyses/{}",
    "/analyses/{}/view.jpg",
)
_PATIENCE = 120  # seconds in which nothing ends: what is left then is lost


def photographs(count: int) -> list[bytes]:
    scene = Image.open(Path(tamperscope.demo.__file__).parent / "coffee.webp").convert("RGB")
    random = np.random.default_rng(0)
    made = []
    for _ in range(count):
        left, top = int(random.integers(scene.width - 384)), int(random.integers(scene.height - 256))
        stream = BytesIO()
        part = scene.crop((left, top, left + 384, top + 256))
        part.save(stream, "JPEG", quality=int(random.integers(60, 96)))
        made.append(stream.getvalue())
    return made


def memory(parent: int) -> float:
    """MiB of a process and its children, what they share counted once for each."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(entry.name) == parent or int(fields[1]) == parent:
                total += int(re.findall(r"Pss:\s+(\d+)", (entry / "smaps_rollup").read_text())[0])
        except (OSError, IndexError):
            continue
    return total / 1024


def probe(url: str, done: str, over: threading.Event, seconds: dict[str, list[float]]) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        for path in itertools.cycle(PROBES):
            if over.wait(0.05):
                return
            started = time.perf_counter()
            client.get(path.format(done)).raise_for_status()
            seconds[path].append(time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--uploads", type=int, default=500)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--database", default="")
    chosen = parser.parse_args()
    made = photographs(20)
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "tamperscope", "serve", "--port", "0", "--data", data]
        command += ["--workers", str(chosen.workers), "--database", chosen.database]
        service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert service.stderr
        url = re.findall(r"http://\S+:\d+", service.stderr.readline())[0]
        client = httpx.Client(base_url=url, timeout=60)

        def upload(number: int) -> str | None:
            files = {"files": (f"{number}.jpg", made[number % len(made)])}
            answer = client.post("/v1/analyses", files=files, data={"detectors": chosen.detector})
            return str(answer.json()[0]["id"]) if answer.status_code == 202 else None

        name = ""
        for name in [upload(number) or "" for number in range(8 * chosen.workers)]:  # each loads the network
            while client.get(f"/v1/analyses/{name}").json()["status"] != "done":
                time.sleep(0.2)
        before = memory(service.pid)
        over, seconds = threading.Event(), {path: list[float]() for path in PROBES}
        prober = threading.Thread(target=probe, args=(url, name, over, seconds))
        prober.start()
        started = time.perf_counter()
        with ThreadPoolExecutor(chosen.clients) as clients:
            names = list(clients.map(upload, range(chosen.uploads)))
        sent = time.perf_counter() - started
        left = {name for name in names if name}
        middle = 0.0
        failed = 0
        heard = time.perf_counter()
        while left and time.perf_counter() < heard + _PATIENCE:
            time.sleep(0.5)
            for name in list(left)[:20]:
                status = client.get(f"/v1/analyses/{name}").json()["status"]
                failed += status == "failed"
                if status in ("done", "failed"):
                    left.remove(name)
                    heard = time.perf_counter()
            if not middle and len(left) < chosen.uploads / 2:
                middle = memory(service.pid)
        took = time.perf_counter() - started
        over.set()
        prober.join()
        after = memory(service.pid)
        service.terminate()
        service.wait()
    print(f"{chosen.uploads} uploads, {chosen.clients} clients, {chosen.workers} workers on {os.cpu_count()}")
    print(f"refused or failed: {names.count(None) + failed}; lost: {len(left)}")
    print(
        f"all taken in after {sent:.1f} s, analysed after {took:.1f} s: {chosen.uploads / took:.1f} a second"
    )
    print(f"memory: {before:.0f} MiB at first, {middle:.0f} half-way, {after:.0f} at last")
    times = 1000 * np.concatenate([np.array(one) for one in seconds.values()])
    print(f"answers meanwhile: median {np.median(times):.0f} ms, p95 {np.quantile(times, 0.95):.0f} ms")
    for path, one in seconds.items():
        print(f"  {path:24} n {len(one):4}  p95 {1000 * np.quantile(one, 0.95):.0f} ms")


if __name__ == "__main__":
    main()
