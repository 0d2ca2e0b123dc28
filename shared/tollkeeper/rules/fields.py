"""What is wrong with a field of what somebody asks for."""

LONGEST_QUOTE = 64
"""Characters of what was sent that a message repeats."""


class InvalidFieldError(Exception):
    """A field cannot be used: its name in the public contract, and why, or what would do, in a sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def quoted(sent: str) -> str:
    """Return what was sent as a message may repeat it: in quotes, not too long, and no strange characters."""
    short = sent if len(sent) <= LONGEST_QUOTE else f"{sent[:LONGEST_QUOTE]}…"
    return repr(short)
