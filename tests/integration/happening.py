"""What happens in a random month, one thing after the other."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple


class Step[Month](NamedTuple):
    """Something that happens, and how much time passes before it."""

    after: timedelta
    name: str
    done: Callable[[Month], object]

    def __repr__(self) -> str:
        """Return what a failure prints."""
        return f"{self.after} later: {self.name}"
