"""The `tamperscope` command; `python -m tamperscope` does the same."""

import signal
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line; what interrupts it while it is still being loaded ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tamperscope.cli import main as run

    run()


if __name__ == "__main__":
    main()
