"""How much the usage page tells, so that it stays light whatever there is to tell."""

from dataclasses import dataclass

from tollkeeper.views.dashboard import MOST_FACILITIES

MOST_BYTES = 60_000


@dataclass(frozen=True, slots=True)
class Detail:
    """How much the usage page tells: the whole of a name is on the pages of records.

    `name` and `line` are characters of a name and of an invoice's line, `lines` how many of these there are,
    `facilities` how many each chart tells apart, and `has_table` whether its days are told as a table too.
    """

    name: int
    line: int
    lines: int
    facilities: int
    has_table: bool


DETAILS = (
    Detail(name=60, line=200, lines=30, facilities=MOST_FACILITIES, has_table=True),
    Detail(name=32, line=120, lines=20, facilities=MOST_FACILITIES, has_table=False),
    Detail(name=24, line=100, lines=12, facilities=2, has_table=False),
    Detail(name=12, line=60, lines=8, facilities=0, has_table=False),
)
"""From the most to the least: the page tells as much as it can."""
