"""What the coverage function is made of."""

from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.coverage.telling import CoverageTelling


def coverage() -> "CoverageTelling":
    """Return what takes and shows coverage."""
    from tollkeeper.coverage.telling import CoverageTelling
    from tollkeeper.ledger.coverage_book import CoverageBook

    return CoverageTelling(CoverageBook(runtime.table()))
