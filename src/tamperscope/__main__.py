"""Lets `python -m tamperscope` do what the `tamperscope` command does."""

from tamperscope.cli import main

if __name__ == "__main__":
    main()
