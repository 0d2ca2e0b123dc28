"""Lines that are added to a draft, changed there, taken off, and read in pages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Invoice, Price

from tests.standin.harness import START, Sandbox, Shop, header

END = datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)
PERIOD: Any = {"start": int(START.timestamp()), "end": int(END.timestamp())}


@pytest.fixture
def each(shop: Shop) -> Price:
    """What one unit over a limit costs: a one-time price of 1 cent."""
    return once(shop, Decimal(1))


def once(shop: Shop, amount: Decimal, currency: str = "usd") -> Price:
    """A one-time price."""
    return shop.stripe.v1.prices.create(
        {"currency": currency, "product": shop.product.id, "unit_amount_decimal": amount}
    )


def renewal(sandbox: Sandbox, shop: Shop) -> tuple[Customer, Invoice]:
    """A customer of the small plan and their renewal's draft."""
    customer = shop.customer()
    shop.subscribe(customer, items=[{"price": shop.small.id}])
    sandbox.move(END)
    return customer, shop.invoices(customer)[-1]


def own_draft(shop: Shop) -> Invoice:
    """An empty draft of no subscription."""
    return shop.stripe.v1.invoices.create({"customer": shop.customer().id})


def add(shop: Shop, draft: Invoice, *lines: dict[str, Any], **more: Any) -> Invoice:  # noqa: ANN401 - any parameter
    """Add lines in one call."""
    params: Any = {"lines": list(lines), **more}
    return shop.stripe.v1.invoices.add_lines(draft.id, params)


def of(price: Price, quantity: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any parameter
    """A line of a price."""
    return {"pricing": {"price": price.id}, "quantity": quantity, **more}


def refused(call: Callable[[], object]) -> tuple[str | None, str]:
    """By which code, and for which parameter, a call is refused."""
    with pytest.raises(sdk.InvalidRequestError) as raised:
        call()
    return raised.value.code, str(raised.value.param)


def amounts(invoice: Invoice) -> list[int]:
    """What each line comes to."""
    return [line.amount for line in invoice.lines.data]


def test_lines_go_onto_a_renewals_draft(sandbox: Sandbox, shop: Shop, each: Price) -> None:
    """Added lines stand beside the plan, say what they were told to say, and are collected with it."""
    customer, draft = renewal(sandbox, shop)
    line = of(
        each, 5000, period=PERIOD, metadata={"charge": "c"}, description="API calls", discountable=False
    )
    answer = add(shop, draft, line, invoice_metadata={"a": "b"})
    plan, added = answer.lines.data
    assert added.parent
    assert added.parent.invoice_item_details
    assert added.pricing
    assert added.pricing.price_details
    assert (5000, 5000, "API calls", {"charge": "c"}, False, each.id, "invoice_item_details") == (
        added.amount,
        added.quantity,
        added.description,
        added.metadata.to_dict(),
        added.discountable,
        added.pricing.price_details.price,
        added.parent.type,
    )
    assert PERIOD == added.period.to_dict()
    assert (7000, {"a": "b"}, plan.amount) == (
        answer.total,
        answer.metadata and answer.metadata.to_dict(),
        2000,
    )
    item = shop.stripe.v1.invoice_items.retrieve(added.parent.invoice_item_details.invoice_item)
    assert (draft.id, 5000) == (item.invoice, item.amount)
    assert ["invoiceitem.created"] == shop.events("invoiceitem")
    assert "invoice.updated" in shop.events("invoice.updated")
    sandbox.move(END + timedelta(hours=1))
    assert (7000, "paid") == (shop.invoices(customer)[-1].amount_paid, shop.invoices(customer)[-1].status)


def test_only_drafts_take_and_lose_lines(sandbox: Sandbox, shop: Shop, each: Price) -> None:
    """Once final, an invoice's lines are what they are, also for who holds an item's id."""
    _, draft = renewal(sandbox, shop)
    line = add(shop, draft, of(each)).lines.data[-1]
    assert line.parent
    assert line.parent.invoice_item_details
    item = line.parent.invoice_item_details.invoice_item
    sandbox.move(END + timedelta(hours=1))
    api = shop.stripe.v1
    remove: Any = {"lines": [{"id": line.id, "behavior": "delete"}]}
    change: Any = {"lines": [{"id": line.id, "quantity": 2}]}
    calls: list[Callable[[], object]] = [
        lambda: add(shop, draft, of(each)),
        lambda: api.invoices.remove_lines(draft.id, remove),
        lambda: api.invoices.update_lines(draft.id, change),
        lambda: api.invoice_items.delete(item),
        lambda: api.invoice_items.update(item, {"quantity": 2}),
    ]
    assert {"invoice_not_editable"} == {refused(call)[0] for call in calls}


UNBILLABLE: dict[str, tuple[Callable[[Shop], dict[str, Any]], str]] = {
    "recurring": (lambda shop: {"pricing": {"price": shop.small.id}}, "lines[0][pricing][price]"),
    "of another currency": (lambda shop: of(once(shop, Decimal(1), "eur")), "lines[0][currency]"),
    "of no price": (lambda _shop: {"pricing": {"price": "price_none"}}, "lines[0][pricing][price]"),
    "negative": (lambda shop: of(once(shop, Decimal(1)), -1), "lines[0][quantity]"),
    "backward": (lambda shop: of(once(shop, Decimal(1)), period={"start": 2, "end": 1}), "lines[0][period]"),
    "worth nothing": (lambda _shop: {"description": "nothing"}, "lines[0][amount]"),
    "of no product": (
        lambda _shop: {"price_data": {"currency": "usd", "unit_amount": 1}},
        "lines[0][price_data][product]",
    ),
}


@pytest.mark.parametrize("kind", UNBILLABLE)
def test_lines_that_cannot_be_billed_are_refused(shop: Shop, kind: str) -> None:
    """Recurring prices, other currencies and what has no price are refused, and nothing is added."""
    line, param = UNBILLABLE[kind]
    draft = own_draft(shop)
    good = {"amount": 5, "description": "good"}
    assert param == refused(lambda: add(shop, draft, line(shop), good))[1]
    assert [] == shop.stripe.v1.invoices.retrieve(draft.id).lines.data


def test_inactive_price_is_refused(shop: Shop, each: Price) -> None:
    """What is not sold any more cannot be added."""
    shop.stripe.v1.prices.update(each.id, {"active": False})
    with pytest.raises(sdk.InvalidRequestError, match="inactive"):
        add(shop, own_draft(shop), of(each))


def test_line_can_bring_its_own_price(shop: Shop) -> None:
    """`price_data` makes a price that is not for sale, with fractions of a cent if need be."""
    data = {"currency": "usd", "product": shop.product.id, "unit_amount_decimal": "0.25"}
    line = add(shop, own_draft(shop), {"price_data": data, "quantity": 1002}).lines.data[0]
    assert line.pricing
    assert line.pricing.price_details
    price = shop.stripe.v1.prices.retrieve(str(line.pricing.price_details.price))
    assert (251, "Lamp", False) == (line.amount, line.description, price.active)


@pytest.mark.parametrize(("mode", "expected"), [(None, [1, 2]), ("ROUND_HALF_EVEN", [0, 2])])
def test_line_is_whole_cents(sandbox: Sandbox, shop: Shop, mode: str | None, expected: list[int]) -> None:
    """Half cents are rounded up, or otherwise if the sandbox says so, once a line."""
    if mode:
        sandbox.put("rounding", {"mode": mode}).raise_for_status()
    half = once(shop, Decimal("0.5"))
    assert expected == amounts(add(shop, own_draft(shop), of(half, 1), of(half, 3)))
    assert (mode or "ROUND_HALF_UP") == sandbox.http.get("/_sandbox/rounding").json()["mode"]


def test_call_takes_100_lines_and_an_invoice_250(shop: Shop, each: Price) -> None:
    """More lines in a call, or items on an invoice, are refused whole."""
    draft = own_draft(shop)
    assert (None, "lines") == refused(lambda: add(shop, draft, *[of(each)] * 101))
    for count in (100, 100, 50):
        add(shop, draft, *[of(each)] * count)
    assert (None, "lines") == refused(lambda: add(shop, draft, of(each)))
    assert 250 == shop.stripe.v1.invoices.retrieve(draft.id).total


def test_lines_come_in_pages(shop: Shop, each: Price) -> None:
    """The invoice carries its first ten lines; all of them are read page by page, in one order."""
    draft = own_draft(shop)
    answer = add(shop, draft, *[of(each, number) for number in range(1, 24)])
    api = shop.stripe.v1.invoices.line_items
    first = api.list(draft.id, {"limit": 20})
    second = api.list(draft.id, {"limit": 20, "starting_after": first.data[-1].id})
    assert (10, True, 20, True, 3, False) == (
        len(answer.lines.data),
        answer.lines.has_more,
        len(first.data),
        first.has_more,
        len(second.data),
        second.has_more,
    )
    assert list(range(1, 24)) == [line.amount for line in [*first.data, *second.data]]
    assert list(range(1, 24)) == [line.amount for line in answer.lines.auto_paging_iter()]
    (event,) = shop.stripe.v1.events.list({"type": "invoice.updated"}).data
    assert 10 == len(event.data.object["lines"]["data"])


def test_removed_line_is_gone(sandbox: Sandbox, shop: Shop, each: Price) -> None:
    """With `delete`, a line goes and its item with it, which is told."""
    _, draft = renewal(sandbox, shop)
    plan, line, kept = add(shop, draft, of(each, 500), of(each, 70)).lines.data
    remove: Any = {"lines": [{"id": line.id, "behavior": "delete"}]}
    after = shop.stripe.v1.invoices.remove_lines(draft.id, remove)
    assert [plan.id, kept.id] == [left.id for left in after.lines.data]
    assert (2070, 1) == (after.total, len(shop.stripe.v1.invoice_items.list({"invoice": draft.id}).data))
    assert ["invoiceitem.deleted"] == shop.events("invoiceitem.deleted")


def test_unassigned_line_waits_for_another_invoice(sandbox: Sandbox, shop: Shop, each: Price) -> None:
    """With `unassign`, the item stays pending at the customer, and the next invoice takes it."""
    customer, draft = renewal(sandbox, shop)
    line = add(shop, draft, of(each, 500)).lines.data[-1]
    remove: Any = {"lines": [{"id": line.id, "behavior": "unassign"}]}
    shop.stripe.v1.invoices.remove_lines(draft.id, remove)
    pending = shop.stripe.v1.invoice_items.list({"customer": customer.id, "pending": True}).data
    sandbox.move(END + timedelta(days=32))
    _, first, second = shop.invoices(customer)
    assert ([500], 2000, 2500) == ([item.amount for item in pending], first.total, second.total)


def test_unassigned_item_can_be_put_on_by_hand(shop: Shop) -> None:
    """A pending item goes onto a draft by its id, and only once."""
    draft = own_draft(shop)
    item = shop.stripe.v1.invoice_items.create(
        {"customer": str(draft.customer), "amount": 700, "currency": "usd"}
    )
    assert [700] == amounts(add(shop, draft, {"invoice_item": item.id}))
    assert "lines[0][invoice_item]" == refused(lambda: add(shop, draft, {"invoice_item": item.id}))[1]


def test_what_is_no_added_line_cannot_be_removed(sandbox: Sandbox, shop: Shop) -> None:
    """The plan's own line stays, and a line that is not there is named; nothing else is removed either."""
    _, draft = renewal(sandbox, shop)
    added = add(shop, draft, {"amount": 5}).lines.data[-1]
    for other in (draft.lines.data[0].id, "il_none"):
        remove: Any = {"lines": [{"id": added.id, "behavior": "delete"}, {"id": other, "behavior": "delete"}]}
        assert "lines[1][id]" == refused(lambda: shop.stripe.v1.invoices.remove_lines(draft.id, remove))[1]  # noqa: B023
    assert [2000, 5] == amounts(shop.stripe.v1.invoices.retrieve(draft.id))


def test_person_can_delete_an_item_of_a_draft(sandbox: Sandbox, shop: Shop, each: Price) -> None:
    """Deleting an item takes its line off the draft, and the invoice is told of as well."""
    _, draft = renewal(sandbox, shop)
    add(shop, draft, of(each, 500))
    (item,) = shop.stripe.v1.invoice_items.list({"invoice": draft.id}).data
    before = len(shop.events("invoice.updated"))
    shop.stripe.v1.invoice_items.delete(item.id)
    assert [2000] == amounts(shop.stripe.v1.invoices.retrieve(draft.id))
    assert (["invoiceitem.deleted"], before + 1) == (
        shop.events("invoiceitem.deleted"),
        len(shop.events("invoice.updated")),
    )


def test_lines_can_be_changed(shop: Shop, each: Price) -> None:
    """A line's quantity, price and words change in place, its id stays, and metadata is merged."""
    draft = own_draft(shop)
    line = add(shop, draft, of(each, 500, metadata={"a": "1", "b": "2"})).lines.data[0]
    dear = once(shop, Decimal(3))
    change: Any = {"id": line.id, "quantity": 40, "pricing": {"price": dear.id}, "metadata": {"b": "3"}}
    (changed,) = shop.stripe.v1.invoices.update_lines(draft.id, {"lines": [change]}).lines.data
    assert (line.id, 120, 40, {"a": "1", "b": "3"}) == (
        changed.id,
        changed.amount,
        changed.quantity,
        changed.metadata.to_dict(),
    )
    (item,) = shop.stripe.v1.invoice_items.list({"invoice": draft.id}).data
    shop.stripe.v1.invoice_items.update(item.id, {"quantity": 2, "description": "Two"})
    (changed,) = shop.stripe.v1.invoices.retrieve(draft.id).lines.data
    assert (6, "Two") == (changed.amount, changed.description)


def test_line_of_its_own_price_can_be_changed(shop: Shop) -> None:
    """Its quantity changes, and the price it brought stays, though nobody can buy at it any more."""
    draft = own_draft(shop)
    data: Any = {"currency": "usd", "product": shop.product.id, "unit_amount": 5}
    lines = add(shop, draft, {"price_data": data, "quantity": 3}, {"amount": 70}).lines.data
    change: Any = {"lines": [{"id": line.id, "quantity": 2} for line in lines]}
    assert [10, 140] == amounts(shop.stripe.v1.invoices.update_lines(draft.id, change))


def test_parallel_calls_on_one_invoice_meet_a_lock(sandbox: Sandbox, shop: Shop, each: Price) -> None:
    """While a call is at work on an invoice, another is a lock timeout, which its key keeps."""
    draft = own_draft(shop)
    path = f"/v1/invoices/{draft.id}/add_lines"
    slow = {"method": "POST", "path": path, "answer": "slow", "delaySeconds": 1}
    sandbox.put("faults", {"faults": [slow]}).raise_for_status()
    first = Thread(target=lambda: add(shop, draft, of(each, 500)))
    first.start()
    while sandbox.http.get("/_sandbox/faults").json()["faults"]:
        pass
    item: Any = {"customer": str(draft.customer), "invoice": draft.id, "pricing": {"price": each.id}}
    update: Any = {"auto_advance": True}
    for call in (
        lambda: shop.stripe.v1.invoice_items.create(item),
        lambda: shop.stripe.v1.invoices.update(draft.id, update, {"idempotency_key": "k"}),
    ):
        with pytest.raises(sdk.RateLimitError) as raised:
            call()
        assert raised.value.error
        assert "lock_timeout" == raised.value.error.code
        assert header(raised.value, "Stripe-Rate-Limited-Reason") is None
    assert [] == shop.stripe.v1.invoices.retrieve(draft.id).lines.data
    first.join(5)
    assert [500] == amounts(shop.stripe.v1.invoices.retrieve(draft.id))
    with pytest.raises(sdk.RateLimitError):
        shop.stripe.v1.invoices.update(draft.id, update, {"idempotency_key": "k"})


def test_added_lines_can_take_effect_behind_a_failure(sandbox: Sandbox, shop: Shop, each: Price) -> None:
    """A call that answers 500 or a lock timeout may have added its lines, and its key repeats the failure."""
    draft = own_draft(shop)
    params: Any = {"lines": [of(each, 500)]}
    for answer, error in (("500", sdk.APIError), ("lock_timeout", sdk.RateLimitError)):
        fault = {"method": "POST", "path": "*/add_lines", "effect": "after", "answer": answer}
        sandbox.put("faults", {"faults": [fault]}).raise_for_status()
        for _ in range(2):
            with pytest.raises(error):
                shop.stripe.v1.invoices.add_lines(draft.id, params, {"idempotency_key": answer})
    assert [500, 500] == amounts(shop.stripe.v1.invoices.retrieve(draft.id))
