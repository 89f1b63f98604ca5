import operator
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tamperscope import parallel
from tamperscope.parallel import ordered


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    found = ordered(operator.neg, range(20), workers, lost=lambda _: 0)
    assert list(found) == [-number for number in range(20)]


def test_tasks_are_taken_only_as_fast_as_they_are_worked_off() -> None:
    taken = []

    def tasks() -> Any:
        for number in range(1000):
            taken.append(number)
            yield number

    results = ordered(operator.neg, tasks(), 2, lost=lambda _: 0)
    assert next(results) == 0
    assert len(taken) <= 8
    results.close()  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_task_that_kills_its_worker_costs_only_itself() -> None:
    tasks: list[Any] = [partial(abs, -number) for number in range(9)]
    tasks[4] = partial(signal.raise_signal, signal.SIGKILL)
    found = ordered(operator.methodcaller("__call__"), tasks, 2, lost=lambda _: "lost")
    assert list(found) == [0, 1, 2, 3, "lost", 5, 6, 7, 8]


def test_what_had_not_begun_when_nobody_waits_any_more_is_not_done(tmp_path: Path) -> None:
    def task(number: int) -> Any:
        return partial(subprocess.run, ["sh", "-c", f"sleep 0.4; touch {tmp_path}/{number}"], check=True)

    found = ordered(operator.methodcaller("__call__"), map(task, range(9)), 2, lost=lambda _: None)
    next(iter(found))
    found.close()  # type: ignore[attr-defined]
    assert 1 <= len(list(tmp_path.iterdir())) <= 5  # two had ended, two were begun; one for slow machines


class Pool:
    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, *_: object) -> Any:
        raise BrokenProcessPool("dead")


def test_what_dies_alone_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_pool", lambda *_: Pool())
    assert parallel._alone(operator.neg, 1, lambda task: task + 100, ()) == 101


def test_a_pool_that_breaks_while_it_is_fed_is_noticed_at_the_result() -> None:
    with pytest.raises(BrokenProcessPool):
        parallel._submit(Pool(), 1).result()  # type: ignore[arg-type]
