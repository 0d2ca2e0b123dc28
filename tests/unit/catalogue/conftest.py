"""Catalogues of the tests' own."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.unit.catalogue.written import MINIMAL, Write
from tollkeeper.catalogue import (
    Catalogue,
    load,
)


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Write the smallest valid catalogue, with some of its sections replaced, to a file of its own."""
    folder = tmp_path_factory.mktemp("catalogues")
    numbers = count()

    def write(**sections: str) -> Path:
        file = folder / f"{next(numbers)}.toml"
        file.write_text("\n".join((MINIMAL | sections).values()))
        return file

    return write


@pytest.fixture(scope="module")
def routed(write: Write) -> Callable[..., Catalogue]:
    """Load a catalogue with the metrics a and b and the given lines as its route map."""

    def routed(*routes: str) -> Catalogue:
        return load(
            write(
                metrics='[metrics]\na = { display_name = "A" }\nb = { display_name = "B" }',
                plans='[plans.free]\ndisplay_name = "Free"\nprice = 0\nlimits = {}',
                routes="\n".join(["[routes]", *routes]),
            )
        )

    return routed
