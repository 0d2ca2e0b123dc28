"""The figures that operators look at: what each is, and whether it is to be seen to."""

from typing import NamedTuple

from infra.operate.answers import Cell


class Figure(NamedTuple):
    """One figure. It is None where nobody has counted anything, as on an emulator that keeps no metrics."""

    area: str
    name: str
    value: Cell
    unit: str = ""
    is_well: bool = True
    note: str = ""


def at_most(area: str, name: str, value: float | None, most: float, unit: str, note: str) -> Figure:
    """Return a figure that is to be seen to beyond a bound; the note says what to do then."""
    is_well = value is None or value <= most
    return Figure(area, name, value, unit, is_well, "" if is_well else note)
