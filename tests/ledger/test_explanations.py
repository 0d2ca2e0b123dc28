"""GET /invoices/{id}/explain: line, charge, period and records, and nobody else's."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from functions.invoices.app import app, handler
from tests.fakes.api_gateway import Answer, call
from tests.ledger.billing_house import BUSY, MINUTE, OFFER, House, endless
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.users import Users
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.runtime import views
from tollkeeper.views.explanations import Explanations

ROUTE = "GET /invoices/{invoiceId}/explain"


@pytest.fixture
def house() -> Iterator[House]:
    """Ada's and Bob's busy months, charged and final, and the function that explains them."""
    house = House(users=("ada", "bob"))
    for user in ("ada", "bob"):
        house.use(user)
        use_one_by_one(house, user, 150)
    house.renew("ada", "bob")
    house.at(5 * MINUTE)
    house.run()
    house.go_on(timedelta(hours=3))
    table = house.table
    explanations = Explanations(
        Users(table), Bills(table), Closing(table), History(table), house.stripe, load(), house.clock
    )
    app.dependency_overrides = {views.explanations: lambda: explanations}
    yield house
    app.dependency_overrides = {}


def use_one_by_one(house: House, user: str, number: int) -> None:
    """Let a user do so many exports, one each."""
    counting, now = Counting(house.table, OFFER), house.now
    (profile,) = counting.profiles([user])
    records = [UsageRecord(f"=one-{each}", user, "exports", 1, now, now) for each in range(number)]
    assert not counting.count(profile, records, now=now, patience=endless()).left


def explain(house: House, query: str = "", user: str = "ada", invoice: str | None = None) -> Answer:
    """Ask why."""
    asked = invoice or str(house.bill().invoice_id)
    return call(handler, "GET", f"/invoices/{asked}/explain{query}", user=user, route=ROUTE)


def test_each_line_is_told_with_its_charge_and_the_arithmetic(house: House) -> None:
    """What was used, what was included, what is over, at which price, and what the invoice says."""
    body = explain(house).body
    assert ("starter", "paid", "2026-03-10T12:00:00Z", []) == (
        body["planTier"],
        body["status"],
        body["periodStart"],
        body["decisions"],
    )
    exports = next(each for each in body["charges"] if each["eventType"] == "exports")
    assert {
        "eventType": "exports",
        "description": "Exports, 10 Mar to 9 Apr 2026: 210 used − 50 included = 160 × $0.50",
        "used": 210,
        "included": 50,
        "incurred": 0,
        "capped": 0,
        "quantity": 160,
        "price": 50.0,
        "amount": 8_000,
        "waived": False,
        "invoiced": {"quantity": 160, "amount": 8_000},
    } == exports


def test_the_records_behind_it_add_up_to_what_was_used(house: House) -> None:
    """Part by part, each once."""
    records, cursor = [], ""
    while cursor is not None:
        body = explain(house, f"?cursor={cursor}" if cursor else "").body
        records += body["records"]
        cursor = body["cursor"]
    sums = dict.fromkeys(BUSY, 0)
    for each in records:
        sums[each["eventType"]] += each["quantity"]
    assert ({**BUSY, "exports": 210}, len(records)) == (sums, len({each["id"] for each in records}))


def test_the_records_come_as_a_table(house: House) -> None:
    """A line each, and nothing that a spreadsheet would reckon."""
    answer = call_for_table(house)
    lines = list(csv.DictReader(StringIO(answer["body"])))
    assert (200, True) == (answer["statusCode"], answer["headers"]["Content-Type"].startswith("text/csv"))
    assert 1_500 + 120 + 210 == sum(int(each["quantity"]) for each in lines)
    assert not any(each["id"].startswith("=") for each in lines)


def call_for_table(house: House) -> Any:  # noqa: ANN401 - what Lambda hands back
    """Ask for a table, past what makes JSON of each answer."""
    asked: dict[str, Any] = {}

    def keep(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
        asked.update(handler(event, context))
        return {"statusCode": 200, "headers": {}, "body": "{}"}

    path = f"/invoices/{house.bill().invoice_id}/explain?format=csv"
    call(keep, "GET", path, user="ada", route=ROUTE)
    return asked


def test_anothers_invoice_is_like_none(house: House) -> None:
    """404, word for word the same, whether it is Bob's or nobody's."""
    bobs = str(house.bill("bob").invoice_id)
    foreign, unknown = explain(house, invoice=bobs), explain(house, invoice="in_none")
    assert (404, "unknown_invoice") == (foreign.status, foreign.body["error"])
    assert foreign.body == unknown.body
    assert 200 == explain(house, user="bob", invoice=bobs).status


def test_an_invoice_without_overage_has_nothing_to_explain(house: House) -> None:
    """It is the caller's, and says so."""
    shown = house.stripe.bill(house.stripe.held[0], 7, 2_900)
    answer = explain(house, invoice=shown.id)
    assert (200, [], [], None) == (
        answer.status,
        answer.body["charges"],
        answer.body["records"],
        answer.body["periodStart"],
    )


@pytest.mark.parametrize("query", ["?cursor=x", "?format=pdf"])
def test_what_cannot_be_used_is_named(house: House, query: str) -> None:
    """422, with the field."""
    assert 422 == explain(house, query).status


def test_what_was_refunded_is_told_beside_the_charge(house: House) -> None:
    """As a person decided; what was charged stays what it was."""
    house.stripe.refunds[str(house.bill().invoice_id)] = 1_200
    body = explain(house).body
    assert [f"1200 cents refunded of {house.bill().invoice_id}"] == body["decisions"]
    assert [each["amount"] for each in body["charges"]] == [
        each["invoiced"]["amount"] for each in body["charges"]
    ]
