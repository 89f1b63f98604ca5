"""A running service, as a client meets it."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

_START = 60  # seconds


@dataclass
class Service:
    """A service in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    client: httpx.Client

    def send(self, *photos: tuple[str, bytes], **fields: Any) -> list[dict[str, Any]]:
        """Send photographs, analysed by a fast detector unless told otherwise."""
        answer = self.client.post(
            "/v1/analyses", files=[("files", one) for one in photos], data={"detectors": "ela", **fields}
        )
        assert answer.status_code == 202, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    def ended(self, name: str, seconds: float = 120) -> dict[str, Any]:
        """Return an analysis once it has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found: dict[str, Any] = self.client.get(f"/v1/analyses/{name}").json()
            if found["status"] in ("done", "failed"):
                return found
            time.sleep(0.1)
        raise TimeoutError(f"{name} has not ended")

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self.client.close()
        self.process.send_signal(2)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stderr
        self.process.stderr.close()


def start_service(data: Path, *options: str, **environment: str) -> Service:
    """Start a service, and wait until it answers."""
    command = [sys.executable, "-m", "tamperscope", "serve", "--port", "0", "--data", str(data), *options]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment, "OMP_NUM_THREADS": "1"}
    )
    assert process.stderr
    line = process.stderr.readline()
    found = re.search(r"http://\S+:\d+", line)
    assert found, line + process.stderr.read()
    client = httpx.Client(base_url=found[0], timeout=30)
    until = time.monotonic() + _START
    while time.monotonic() < until:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return Service(process, found[0], data, client)
    raise TimeoutError("the service does not answer")
