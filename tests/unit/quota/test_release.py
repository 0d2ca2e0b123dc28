"""POST /quota/{eventType}/release, in the very words of the contract."""

from collections.abc import Mapping

import pytest

from tests.examples import END, OFFER
from tests.fakes.table import MemoryTable
from tests.unit.quota.asking import (
    DESIGNS,
    IN_NOVEMBER,
    WISH,
    consume,
    failure,
    post,
    release,
    subscribe,
    used,
)
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.users import Users


class TestRelease:
    """POST /quota/{eventType}/release."""

    def test_all_of_it_comes_back(self, table: MemoryTable) -> None:
        """The answer says what is left then."""
        consume(table, "designsCreated", quantity=3)
        assert (200, {**DESIGNS, **IN_NOVEMBER, "id": "wish-1"}) == release(table, "designsCreated")[:2]

    def test_a_part_of_it_comes_back(self, table: MemoryTable) -> None:
        """The rest stays counted."""
        consume(table, "designsCreated", quantity=3)
        answer = release(table, "designsCreated", quantity=2)
        assert (200, 1, 2) == (answer.status, answer.body["current"], answer.body["remaining"])

    def test_releasing_again_answers_the_same(self, table: MemoryTable) -> None:
        """It gives nothing more."""
        consume(table, "designsCreated", quantity=3)
        assert release(table, "designsCreated", quantity=2) == release(table, "designsCreated", quantity=2)

    def test_an_unknown_id_is_not_found(self, table: MemoryTable) -> None:
        """404 for what was never consumed of this metric."""
        consume(table, "exports")
        message = "This id was never consumed of this metric."
        assert (404, {"error": "unknown_id", "message": message}) == release(table, "designsCreated")[:2]

    def test_what_somebody_else_consumed_is_not_found(self, table: MemoryTable) -> None:
        """An id is one user's: another's is as good as none."""
        consume(table, "exports")
        assert 404 == release(table, "exports", userId="bob").status

    def test_more_than_was_consumed_is_a_conflict(self, table: MemoryTable) -> None:
        """409, and all of it stays counted."""
        consume(table, "designsCreated")
        assert (409, "id_conflict") == failure(release(table, "designsCreated", quantity=2))
        assert 1 == used(table, "designsCreated")

    def test_a_closed_period_gives_nothing_back(self, table: MemoryTable) -> None:
        """409: what was consumed in it may be on an invoice."""
        subscribe(table)
        consume(table, "exports")
        [period] = Users(table).history("ada").periods
        Closing(table).close("ada", period, (), None, END)
        message = "The period is closed; report a correction instead."
        expected = (409, {"error": "period_closed", "message": message})
        assert expected == release(table, "exports", now=END)[:2]

    @pytest.mark.parametrize(
        ("changes", "path"),
        [({"quantity": 0}, "quantity"), ({"id": ""}, "id"), ({"facilityId": "north"}, "facilityId")],
    )
    def test_a_field_that_cannot_be_used_is_named(
        self, table: MemoryTable, changes: Mapping[str, object], path: str
    ) -> None:
        """422."""
        answer = post(Consuming(table, OFFER), "release", "exports", {**WISH, **changes})
        assert (422, [path]) == (answer.status, [field["path"] for field in answer.body["fields"]])
