"""Mutations of valid files: no crash, no hang, no exception that is not ours."""

import random
import time

import pytest

import photos
from detectors_made import build_made
from tamperscope import plugins
from tamperscope.errors import MissingEvidence, TamperscopeError
from tamperscope.io.decode import decode

ROUNDS, PER_ROUND = 12, 100
SECONDS = 10


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Change, cut, insert or repeat some bytes, half of the time near the beginning."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 700)
        at, length = rng.randrange(max(1, end)), rng.randrange(1, 30)
        kind = rng.randrange(6)
        if kind == 0 and changed:
            changed[at] = rng.randrange(256)
        elif kind == 1 and changed:
            changed[at] = rng.choice([0, 0x7F, 0xC0, 0xC2, 0xD8, 0xD9, 0xDA, 0xFF])
        elif kind == 2:
            del changed[at : at + length]
        elif kind == 3:
            changed[at:at] = rng.randbytes(length)
        elif kind == 4:
            del changed[at:]
        else:
            changed[at : at + 4] = changed[at : at + 4] * rng.randrange(2, 50)
    return bytes(changed)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_mutated_files_give_results_or_errors_of_ours(seed: int) -> None:
    rng = random.Random(seed)
    names = [name for name in plugins.names("detectors") if name != "auto"]
    detectors = [build_made(name) for name in names]
    for _ in range(PER_ROUND):
        data = mutate(photos.awkward(rng.choice(list(photos.AWKWARD))), rng)
        started = time.monotonic()
        try:
            photo = decode(data, salvage=rng.random() < 0.3)
        except TamperscopeError as error:
            assert error.problem
            assert error.remedy
            continue
        for detector in detectors:
            try:
                detector.localize(photo)
            except MissingEvidence as error:
                assert error.remedy
        assert time.monotonic() - started < SECONDS
