"""What the command line prints in frames."""


def unframed(text: str) -> str:
    """The words of messages, each a space from the next, without the frame around wrong usage."""
    return " ".join(text.replace("│", " ").split())
