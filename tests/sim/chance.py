"""One seed for everything: what is drawn, what is random in the product, and every identifier."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def seeded(seed: int) -> Iterator[random.Random]:
    """Let nothing inside be left to chance; yields what the world is drawn by."""
    source = random.Random(seed)  # noqa: S311 - repeatable chance
    before = random.getstate()
    random.seed(seed)
    with patch.object(os, "urandom", source.randbytes), patch("random._urandom", source.randbytes):
        try:
            yield random.Random(seed + 1)  # noqa: S311 - the same
        finally:
            random.setstate(before)
