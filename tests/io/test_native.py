import os
import signal
import threading

import pytest

from tamperscope.io.native import uninterrupted


def test_ctrl_c_waits_until_the_end() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_fails_meanwhile_is_raised_and_other_threads_are_left_alone() -> None:
    with pytest.raises(ValueError, match="odd"), uninterrupted():
        raise ValueError("odd")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ran: list[bool] = []

    def work() -> None:
        with uninterrupted():
            ran.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran
