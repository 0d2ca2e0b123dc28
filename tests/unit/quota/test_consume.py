"""POST /quota/{eventType}/consume, in the very words of the contract."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.examples import NOW, OFFER, SUBSCRIPTION
from tests.fakes.table import MemoryTable
from tests.unit.quota.asking import (
    DESIGNS,
    IN_HER_PERIOD,
    IN_NOVEMBER,
    UPGRADE_URL,
    WISH,
    consume,
    observing,
    post,
    release,
    subscribe,
    track,
    used,
)
from tollkeeper.ledger import keys, record_rows
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.rules.subscriptions import Status


class TestConsume:
    """POST /quota/{eventType}/consume."""

    def test_a_yes_says_what_is_left_after_it(self, table: MemoryTable) -> None:
        """What was consumed is counted already, and the id is repeated."""
        expected = {**DESIGNS, **IN_NOVEMBER, "current": 2, "remaining": 1, "id": "wish-1"}
        assert (200, expected) == consume(table, "designsCreated", quantity=2)[:2]

    def test_one_is_consumed_unless_more_is_said(self, table: MemoryTable) -> None:
        """Quantity is 1 where it is left out."""
        consume(table, "designsCreated")
        assert 1 == used(table, "designsCreated")

    def test_a_yes_is_repeated_even_at_the_limit(self, table: MemoryTable) -> None:
        """The same id is allowed again, though one more would not be, and counts once."""
        first = consume(table, "designsCreated", quantity=3)
        assert (200, True, 3) == (first.status, first.body["allowed"], first.body["current"])
        assert first == consume(table, "designsCreated", quantity=3)

    def test_a_no_is_in_the_words_of_the_contract(self, table: MemoryTable) -> None:
        """402 says what the limit is, how much of it is used, on which plan, and where to get more."""
        track(table, "designsCreated", 3)
        assert (
            402,
            {
                "error": "Usage limit exceeded",
                "message": "The plan includes no more of this in the present period.",
                "limit": 3,
                "current": 3,
                "remaining": 0,
                "planTier": "free",
                "onLimit": "block",
                **IN_NOVEMBER,
                "upgradeUrl": UPGRADE_URL,
            },
        ) == consume(table, "designsCreated")[:2]

    def test_a_request_that_straddles_the_limit_is_refused_whole(self, table: MemoryTable) -> None:
        """What would have fitted of it is not counted either, and is told as what remains."""
        track(table, "designsCreated", 2)
        answer = consume(table, "designsCreated", quantity=2)
        assert (402, 2, 1) == (answer.status, answer.body["current"], answer.body["remaining"])
        assert 2 == used(table, "designsCreated")

    def test_a_spending_cap_has_words_of_its_own(self, table: MemoryTable) -> None:
        """402 names the cap, beside all that a limit's no says; at 50 cents each, the third passes 149."""
        subscribe(table)
        SpendingCaps(table, OFFER).set("ada", 149, NOW, for_seconds(5))
        track(table, "exports", 502)
        assert (
            402,
            {
                "error": "Spending cap reached",
                "message": "The overage would cost more than the user accepts.",
                "limit": 500,
                "current": 502,
                "remaining": 0,
                "planTier": "professional",
                "onLimit": "bill",
                **IN_HER_PERIOD,
                "upgradeUrl": UPGRADE_URL,
                "spendingCap": 149,
            },
        ) == consume(table, "exports")[:2]

    def test_a_spending_cap_is_spent_to_the_cent(self, table: MemoryTable) -> None:
        """What costs as much as the cap exactly is accepted."""
        subscribe(table)
        SpendingCaps(table, OFFER).set("ada", 150, NOW, for_seconds(5))
        track(table, "exports", 502)
        assert 200 == consume(table, "exports").status

    def test_what_is_only_observed_is_counted_and_never_refused(self, table: MemoryTable) -> None:
        """Beyond its limit too."""
        answer = consume(table, "exports", offer=observing("exports"), quantity=7)
        assert (200, 7, 0) == (answer.status, answer.body["current"], answer.body["remaining"])

    def test_past_due_beyond_the_grace_is_refused_as_free(self, table: MemoryTable) -> None:
        """A professional who has not paid for a week has five exports, and is not billed for a sixth."""
        subscribe(table, replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW))
        late = NOW + timedelta(days=7)
        assert 200 == consume(table, "exports", late, id="wish-0", quantity=5).status
        answer = consume(table, "exports", late)
        assert (402, "free", 5) == (answer.status, answer.body["planTier"], answer.body["limit"])

    @pytest.mark.parametrize(("metric", "quantity"), [("designsCreated", 2), ("exports", 1)])
    def test_an_id_stands_for_one_thing(self, table: MemoryTable, metric: str, quantity: int) -> None:
        """409 where it was consumed for another quantity or metric."""
        consume(table, "designsCreated")
        message = "This id stands for something else; use a new one."
        expected = (409, {"error": "id_conflict", "message": message})
        assert expected == consume(table, metric, quantity=quantity)[:2]

    def test_a_released_id_is_spent(self, table: MemoryTable) -> None:
        """409, since a yes for it would count nothing."""
        consume(table, "designsCreated")
        release(table, "designsCreated")
        message = "This id was consumed and released; use a new one."
        assert (409, {"error": "already_released", "message": message}) == consume(table, "designsCreated")[
            :2
        ]

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"quantity": 0}, "quantity"),
            ({"quantity": -1}, "quantity"),
            ({"quantity": 1.5}, "quantity"),
            ({"quantity": True}, "quantity"),
            ({"quantity": 1_000_000_001}, "quantity"),
            ({"id": None}, "id"),
            ({"id": "x" * 129}, "id"),
            ({"userId": ""}, "userId"),
            ({"facilityId": 7}, "facilityId"),
            ({"eventData": []}, "eventData"),
            ({"eventData": {"note": "x" * 4_096}}, "eventData"),
            ({"eventData": {"a": json.loads("[" * 32 + "]" * 32)}}, "eventData"),
            ({"eventdata": {}}, "eventdata"),
            ({"user_id": "ada"}, "user_id"),
        ],
    )
    def test_a_field_that_cannot_be_used_is_named(
        self, table: MemoryTable, changes: Mapping[str, object], path: str
    ) -> None:
        """422, and nothing is counted."""
        answer = post(Consuming(table, OFFER), "consume", "designsCreated", {**WISH, **changes})
        assert (422, "validation_failed", [path]) == (
            answer.status,
            answer.body["error"],
            [field["path"] for field in answer.body["fields"]],
        )
        assert {} == table.rows

    def test_what_is_consumed_is_kept_with_where_and_what(self, table: MemoryTable) -> None:
        """Facility and data stand on the record, the data as compact JSON."""
        consume(table, "exports", facilityId="north", eventData={"format": "pdf"})
        [row] = table.get_all([keys.record("ada", "wish-1")])
        record = record_rows.record(row)
        assert ("north", '{"format":"pdf"}') == (record.facility_id, record.event_data)
