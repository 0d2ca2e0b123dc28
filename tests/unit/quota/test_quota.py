"""GET /quota/{eventType}: what is left, in the very words of the contract; and what holds of all three."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from tests.examples import CATALOGUE, END, NOW, OFFER, SUBSCRIPTION
from tests.fakes.table import MemoryTable
from tests.unit.quota.asking import (
    DESIGNS,
    IN_HER_PERIOD,
    IN_NOVEMBER,
    WISH,
    check,
    consume,
    observing,
    post,
    subscribe,
    track,
)
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.patience import ContendedError, Patience, for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.usage import UsageRecord


class TestCheck:
    """GET /quota/{eventType}."""

    def test_somebody_unknown_is_on_the_free_plan(self, table: MemoryTable) -> None:
        """A user without a row has what is free, until the calendar month ends."""
        assert (200, {**DESIGNS, **IN_NOVEMBER}) == check(table, "designsCreated")[:2]

    def test_a_limit_that_is_reached_allows_no_more(self, table: MemoryTable) -> None:
        """Tracking may have gone beyond it; what remains is nothing, never less."""
        track(table, "designsCreated", 4)
        expected = {**DESIGNS, **IN_NOVEMBER, "allowed": False, "current": 4, "remaining": 0}
        assert (200, expected) == check(table, "designsCreated")[:2]

    def test_what_is_billed_beyond_its_limit_stays_allowed(self, table: MemoryTable) -> None:
        """A metric with a price says so before its limit, and goes on after it."""
        subscribe(table)
        track(table, "exports", 600)
        expected = {
            "allowed": True,
            "limit": 500,
            "current": 600,
            "remaining": 0,
            "planTier": "professional",
            "onLimit": "bill",
            **IN_HER_PERIOD,
        }
        assert (200, expected) == check(table, "exports")[:2]

    def test_unlimited_is_minus_one(self, table: MemoryTable) -> None:
        """Both the limit and what remains of it."""
        subscribe(table)
        track(table, "designsCreated", 1_000)
        expected = {
            "allowed": True,
            "limit": -1,
            "current": 1_000,
            "remaining": -1,
            "planTier": "professional",
            "onLimit": "block",
            **IN_HER_PERIOD,
        }
        assert (200, expected) == check(table, "designsCreated")[:2]

    @pytest.mark.parametrize("metric", [*CATALOGUE.metrics])
    def test_every_metric_can_be_asked_for(self, table: MemoryTable, metric: str) -> None:
        """Those that are only counted are unlimited."""
        body = check(table, metric).body
        assert (True, CATALOGUE.plans["free"].limits[metric]) == (body["allowed"], body["limit"])

    def test_a_trial_bills_nothing(self, table: MemoryTable) -> None:
        """The plan's limits hold, and block: Stripe bills no usage in a trial."""
        subscribe(table, replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END))
        body = check(table, "exports").body
        assert ("professional", 500, "block") == (body["planTier"], body["limit"], body["onLimit"])

    def test_past_due_keeps_its_plan_within_the_grace(self, table: MemoryTable) -> None:
        """A second before seven days are over the plan still holds."""
        last = NOW + timedelta(days=7) - timedelta(seconds=1)
        subscribe(table, replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW))
        body = check(table, "exports", now=last).body
        assert ("professional", 500, "bill") == (body["planTier"], body["limit"], body["onLimit"])

    def test_past_due_beyond_the_grace_has_what_is_free(self, table: MemoryTable) -> None:
        """The free plan's limits hold for all that the period has counted, until the period ends."""
        subscribe(table, replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW))
        track(table, "exports", 7)
        expected = {
            "allowed": False,
            "limit": 5,
            "current": 7,
            "remaining": 0,
            "planTier": "free",
            "onLimit": "block",
            **IN_HER_PERIOD,
        }
        assert (200, expected) == check(table, "exports", now=NOW + timedelta(days=7))[:2]

    def test_a_period_without_an_end_resets_nobody_knows_when(self, table: MemoryTable) -> None:
        """Before Stripe has said what the renewed period is, there is room, and no end to tell."""
        subscribe(table)
        track(table, "exports", 7)
        body = check(table, "exports", now=END).body
        assert ("professional", 0, None) == (body["planTier"], body["current"], body["resetsAt"])

    def test_what_is_only_observed_is_always_allowed(self, table: MemoryTable) -> None:
        """The limit is shown, and passed without a price."""
        offer = observing("exports")
        track(table, "exports", 7, offer)
        body = check(table, "exports", offer=offer).body
        assert (True, 5, 7, 0, "block") == (
            body["allowed"],
            body["limit"],
            body["current"],
            body["remaining"],
            body["onLimit"],
        )

    def test_a_spending_cap_that_is_reached_allows_no_more(self, table: MemoryTable) -> None:
        """What the next one would cost is more than the user accepts."""
        subscribe(table)
        SpendingCaps(table, OFFER).set("ada", 100, NOW, for_seconds(5))
        track(table, "exports", 501)
        assert check(table, "exports").body["allowed"]
        consume(table, "exports")
        assert not check(table, "exports").body["allowed"]

    def test_an_unknown_metric_names_the_known_ones(self, table: MemoryTable) -> None:
        """422, with every metric that could have been meant."""
        told = check(table, "apiCall")
        known = f"there is no metric 'apiCall'. The metrics are {', '.join(CATALOGUE.metrics)}."
        assert (
            422,
            {
                "error": "validation_failed",
                "message": f"eventType: {known}",
                "fields": [{"path": "eventType", "message": known}],
            },
        ) == told[:2]

    @pytest.mark.parametrize("user", [None, "", "a" * 257])
    def test_somebody_must_be_asked_for(self, table: MemoryTable, user: str | None) -> None:
        """422 where it is not said for whom, or for nobody there can be."""
        message = "must be a text of 1 to 256 characters"
        assert (
            422,
            {
                "error": "validation_failed",
                "message": f"userId: {message}",
                "fields": [{"path": "userId", "message": message}],
            },
        ) == check(table, "exports", user)[:2]

    def test_nothing_is_written(self, table: MemoryTable) -> None:
        """Asking leaves no trace."""
        check(table, "exports")
        assert {} == table.rows


@pytest.mark.parametrize("verb", ["consume", "release"])
class TestBodies:
    """What is sent to either."""

    @pytest.mark.parametrize("body", [None, "", "{", "[]", "null", '"text"', "[" * 100_000, "9" * 5_000])
    def test_must_be_a_json_object(self, table: MemoryTable, verb: str, body: str | None) -> None:
        """422, however it is broken."""
        answer = post(Consuming(table, OFFER), verb, "exports", body)
        assert (422, "body") == (answer.status, answer.body["fields"][0]["path"])

    def test_may_be_a_megabyte_and_no_more(self, table: MemoryTable, verb: str) -> None:
        """413 for a byte too much, before anybody reads it."""
        full = json.dumps(WISH).ljust(1_048_576)
        assert 413 != post(Consuming(table, OFFER), verb, "exports", full).status
        answer = post(Consuming(table, OFFER), verb, "exports", full + " ")
        assert (413, {"error": "too_large", "message": "Send at most 1048576 bytes."}) == answer[:2]

    def test_may_come_in_base64(self, table: MemoryTable, verb: str) -> None:
        """So API Gateway hands over what its sender does not call JSON; it is read all the same."""
        consume(table, "exports")
        assert 200 == post(Consuming(table, OFFER), verb, "exports", WISH, encoded=True).status


class Contended(Consuming):
    """A book at which others are, all the time."""

    def consume(self, record: UsageRecord, patience: Patience) -> NoReturn:  # noqa: ARG002 - as the book has it
        """Lose the race."""
        raise ContendedError


def test_contention_is_never_a_false_no(table: MemoryTable) -> None:
    """503 says when to come again, and nothing of any limit."""
    answer = post(Contended(table, OFFER), "consume", "designsCreated", WISH)
    assert (
        503,
        {"error": "unavailable", "message": "Please try again in a moment."},
        "2",
    ) == (answer.status, answer.body, answer.headers["Retry-After"])
