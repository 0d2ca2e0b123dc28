"""What holds of the port's Invoices, of the fake and of the gateway at the stand-in alike.

So the fake that crashes and races are tried on cannot lie. What the fake has not, amounts in full, taxes,
cards and coupons, is in test_invoices_gateway.py.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.integration.invoice_worlds import NEXT_END, AtFake, AtStandin, Call, How, InvoiceWorld
from tests.integration.month_at_stripe import END
from tests.ledger.billing_house import HOUR
from tests.standin.harness import START
from tollkeeper.rules.invoices import Invoice, InvoiceStatus, Renewal
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.port import OwnInvoice, Stripe

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["fake", "standin"])
def world(request: pytest.FixtureRequest) -> InvoiceWorld:
    """Each of the two."""
    return AtFake() if request.param == "fake" else AtStandin(request.getfixturevalue("sandbox"))


@pytest.fixture
def stripe(world: InvoiceWorld) -> Stripe:
    """Stripe as the port has it."""
    return world.stripe


def line(number: int = 1, quantity: int = 7, price: str = "1") -> ChargeLine:
    """A charge of Ada's; a cent each is the catalogue's price."""
    return ChargeLine(
        f"charge-{number}", "ada", "apiCalls", quantity, Decimal(price), START, END, f"Calls {number}"
    )


def order(world: InvoiceWorld, bill: str = "bill") -> OwnInvoice:
    """An invoice of a bill's own."""
    return OwnInvoice(bill, "ada", world.customer, world.subscription, "Usage")


def read(stripe: Stripe, invoice_id: str) -> Invoice:
    """Return an invoice that is there."""
    found = stripe.invoice(invoice_id)
    assert found
    return found


def own(world: InvoiceWorld) -> Invoice:
    """Make an invoice of its own, and return it."""
    world.stripe.create_invoice(order(world), "own")
    (made,) = world.stripe.own_invoices(world.customer, "bill", START)
    return made


def charged(stripe: Stripe, invoice_id: str) -> list[tuple[str, int, int]]:
    """Return charge, quantity and cents of each line of an invoice."""
    return [(each.charge_id, each.quantity, each.amount) for each in read(stripe, invoice_id).lines]


class TestRenewals:
    """Which invoice renews a subscription."""

    def test_one_is_awaited_while_the_subscription_lives(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """There is none before the period's end."""
        assert Renewal(is_awaited=True) == stripe.renewal(world.subscription, END)

    def test_its_draft_is_finalised_in_an_hour(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """It advances, and there is nothing of ours on it."""
        draft = Invoice(world.renew(), InvoiceStatus.DRAFT, advances=True, created=END)
        found = stripe.renewal(world.subscription, END)
        assert found.draft
        assert (draft.id, draft.status, True, END, END + HOUR, ()) == (
            found.draft.id,
            found.draft.status,
            found.draft.advances,
            found.draft.created,
            found.draft.finalizes_at,
            found.draft.lines,
        )
        assert found.draft == stripe.invoice(draft.id)

    def test_a_draft_of_another_period_is_none(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """The base line says which it is."""
        world.renew()
        assert stripe.renewal(world.subscription, END - MINUTE).draft is None
        assert Renewal(is_awaited=True) == stripe.renewal(world.subscription, NEXT_END)

    def test_one_that_is_final_takes_nothing(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Another does not come."""
        world.finalize(world.renew())
        assert Renewal() == stripe.renewal(world.subscription, END)

    def test_one_that_was_charged_says_so(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Who does not know of it, since the ledger was restored, finds the lines there."""
        draft = world.renew()
        stripe.add_lines(draft, [line()], "key")
        assert stripe.renewal(world.subscription, END).charged is None
        world.finalize(draft)
        found = stripe.renewal(world.subscription, END)
        assert (None, read(stripe, draft)) == (found.draft, found.charged)
        assert 1 == len(read(stripe, draft).lines)

    def test_one_that_stripe_finalised_takes_nothing(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """An hour after it was made."""
        draft = world.renew()
        world.at(END + HOUR)
        assert Renewal() == stripe.renewal(world.subscription, END)
        assert InvoiceStatus.PAID is read(stripe, draft).status

    def test_a_subscription_that_ended_before_has_none(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """None comes any more."""
        world.at(END - MINUTE)
        world.cancel()
        assert Renewal() == stripe.renewal(world.subscription, END)

    def test_cancelling_stops_the_draft(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Stripe leaves it a draft for good, and so it is not used."""
        draft = world.renew()
        world.cancel()
        world.at(END + 2 * HOUR)
        assert Renewal() == stripe.renewal(world.subscription, END)
        assert (InvoiceStatus.DRAFT, False) == (read(stripe, draft).status, read(stripe, draft).advances)

    def test_a_paused_collection_is_neither_used_nor_awaited(
        self, world: InvoiceWorld, stripe: Stripe
    ) -> None:
        """Its drafts go on by themselves, to no payment."""
        world.pause()
        assert Renewal() == stripe.renewal(world.subscription, END)
        draft = world.renew()
        assert Renewal() == stripe.renewal(world.subscription, END)
        assert not read(stripe, draft).advances

    def test_an_unpaid_subscriptions_draft_is_not_used(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Stripe leaves it alone."""
        draft = world.renew_unpaid()
        assert Renewal() == stripe.renewal(world.subscription, NEXT_END)
        assert (InvoiceStatus.DRAFT, False) == (read(stripe, draft).status, read(stripe, draft).advances)

    def test_a_deleted_customers_draft_is_not_used(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Their subscription ended with them."""
        draft = world.renew()
        world.delete_customer()
        assert Renewal() == stripe.renewal(world.subscription, END)
        assert not read(stripe, draft).advances

    def test_an_unknown_subscription_has_none(self, stripe: Stripe) -> None:
        """It went, or is another account's."""
        assert Renewal() == stripe.renewal("sub_unknown", END)

    def test_an_unknown_invoice_is_none(self, stripe: Stripe) -> None:
        """It was deleted, or is another account's."""
        assert stripe.invoice("in_unknown") is None


class TestHolding:
    """When a draft is finalised."""

    def test_it_is_held_and_released(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """The time is set again, later or sooner."""
        draft = world.renew()
        stripe.finalize_at(draft, END + 72 * HOUR)
        world.at(END + 2 * HOUR)
        held = read(stripe, draft)
        stripe.finalize_at(draft, END + 3 * HOUR)
        world.at(END + 3 * HOUR)
        assert (InvoiceStatus.DRAFT, END + 72 * HOUR, InvoiceStatus.PAID) == (
            held.status,
            held.finalizes_at,
            read(stripe, draft).status,
        )

    def test_one_that_does_not_advance_cannot_be_held(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """It is stopped, or of its own."""
        stopped = world.renew()
        world.cancel()
        for draft in (stopped, own(world).id):
            with pytest.raises(StripeRefusedError):
                stripe.finalize_at(draft, END + 72 * HOUR)

    def test_one_that_is_final_cannot_be_held(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """It is too late."""
        draft = world.renew()
        world.at(END + HOUR)
        with pytest.raises(StripeRefusedError):
            stripe.finalize_at(draft, END + 72 * HOUR)

    def test_the_past_is_refused(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Nothing can be finalised a minute ago."""
        draft = world.renew()
        world.at(END + 2 * MINUTE)
        with pytest.raises(StripeRefusedError):
            stripe.finalize_at(draft, END + MINUTE)


class TestLines:
    """Lines on a draft."""

    def test_they_go_on_at_the_prices_that_are_given(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """At the catalogue's, and at any other, to a ten-thousandth of a cent; half a cent is rounded up."""
        draft = world.renew()
        lines = [line(1, 7), line(2, 7, "0.5"), line(3, 3, "0.0001"), line(4, 15_000, "0.0001")]
        stripe.add_lines(draft, lines, "key")
        expected = [("charge-1", 7, 7), ("charge-2", 7, 4), ("charge-3", 3, 0), ("charge-4", 15_000, 2)]
        assert expected == charged(stripe, draft)

    def test_however_many_there_are_all_are_read(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Stripe shows ten with the invoice, and the rest in pages."""
        draft = world.renew()
        for some in range(2):
            stripe.add_lines(draft, [line(100 * some + each) for each in range(99)], f"key-{some}")
        assert 198 == len(charged(stripe, draft)) == len({*charged(stripe, draft)})

    def test_the_same_key_adds_them_once(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Stripe says yes again; also when somebody took them off meanwhile."""
        draft = world.renew()
        for _ in range(2):
            stripe.add_lines(draft, [line()], "key")
        assert 1 == len(charged(stripe, draft))
        stripe.remove_lines(draft, [each.id for each in read(stripe, draft).lines])
        stripe.add_lines(draft, [line()], "key")
        assert [] == charged(stripe, draft)

    def test_a_key_is_forgotten_after_a_day(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """The same call adds them again then: so the invoice is read before."""
        draft = world.renew()
        stripe.finalize_at(draft, END + 72 * HOUR)
        stripe.add_lines(draft, [line()], "key")
        world.at(END + 25 * HOUR)
        stripe.add_lines(draft, [line()], "key")
        assert 2 == len(charged(stripe, draft))

    def test_the_same_key_with_other_lines_is_spent(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """The next may be tried."""
        draft = world.renew()
        stripe.add_lines(draft, [line(1)], "key")
        with pytest.raises(StripeFailedError):
            stripe.add_lines(draft, [line(2)], "key")
        assert [("charge-1", 7, 7)] == charged(stripe, draft)

    def test_a_final_invoice_takes_none(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Nor does it lose any."""
        draft = world.renew()
        stripe.add_lines(draft, [line()], "key")
        world.at(END + HOUR)
        with pytest.raises(StripeRefusedError):
            stripe.add_lines(draft, [line(2)], "other")
        with pytest.raises(StripeRefusedError):
            stripe.remove_lines(draft, [each.id for each in read(stripe, draft).lines])
        assert [("charge-1", 7, 7)] == charged(stripe, draft)

    def test_they_are_removed_once(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """What is not there is refused, and nothing else removed by that."""
        draft = world.renew()
        stripe.add_lines(draft, [line(1), line(2)], "key")
        first, second = (each.id for each in read(stripe, draft).lines)
        stripe.remove_lines(draft, [first])
        with pytest.raises(StripeRefusedError):
            stripe.remove_lines(draft, [first, second])
        assert [("charge-2", 7, 7)] == charged(stripe, draft)

    def test_a_draft_that_was_stopped_still_loses_them(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """They are to be charged apart."""
        draft = world.renew()
        stripe.add_lines(draft, [line()], "key")
        world.cancel()
        stripe.remove_lines(draft, [each.id for each in read(stripe, draft).lines])
        assert [] == charged(stripe, draft)


class TestOwnInvoices:
    """Invoices of a bill's own."""

    def test_one_is_a_draft_that_waits(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """It does not advance, and is found by its bill alone."""
        made = own(world)
        world.at(START + timedelta(days=20))
        assert (InvoiceStatus.DRAFT, False, ()) == (made.status, made.advances, made.lines)
        assert [made] == stripe.own_invoices(world.customer, "bill", START)
        assert [] == stripe.own_invoices(world.customer, "another", START)
        assert [] == stripe.own_invoices(world.customer, "bill", START + MINUTE)

    def test_they_are_listed_the_oldest_first(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Whoever made two by mistake uses the first."""
        first = own(world)
        world.at(START + HOUR)
        stripe.create_invoice(order(world), "another")
        found = stripe.own_invoices(world.customer, "bill", START)
        assert (2, first.id) == (len(found), found[0].id)

    def test_all_of_a_customer_are_listed_since_a_time(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """The newest first, with their lines; not those of before."""
        renewal = world.renew()
        made = own(world)
        stripe.add_lines(made.id, [line()], "lines")
        found = stripe.invoices_since(world.customer, END)
        assert ({renewal, made.id}, [read(stripe, made.id)]) == (
            {each.id for each in found},
            [each for each in found if each.lines],
        )
        world.at(END + HOUR)
        assert [] == stripe.invoices_since(world.customer, END + timedelta(minutes=1))

    def test_one_that_was_deleted_is_gone(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Neither listed nor read."""
        made = own(world)
        world.delete(made.id)
        assert ([], None) == (stripe.own_invoices(world.customer, "bill", START), stripe.invoice(made.id))

    def test_one_is_finalised_once_and_collected(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """A second call is refused."""
        made = own(world)
        stripe.add_lines(made.id, [line(1, 700)], "key")
        stripe.finalize_invoice(made.id)
        with pytest.raises(StripeRefusedError):
            stripe.finalize_invoice(made.id)
        world.at(START + 2 * HOUR)
        assert InvoiceStatus.PAID is read(stripe, made.id).status

    def test_one_that_a_person_voided_is_void(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Its lines still stand on it."""
        made = own(world)
        stripe.add_lines(made.id, [line(1, 700)], "key")
        world.finalize(made.id)
        world.void(made.id)
        assert (InvoiceStatus.VOID, 1) == (read(stripe, made.id).status, len(charged(stripe, made.id)))

    def test_one_outlives_its_subscription(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """It is made for one that has ended."""
        world.cancel()
        made = own(world)
        stripe.add_lines(made.id, [line(1, 700)], "key")
        stripe.finalize_invoice(made.id)
        world.at(START + 2 * HOUR)
        assert InvoiceStatus.PAID is read(stripe, made.id).status

    def test_a_deleted_customer_gets_none(self, world: InvoiceWorld, stripe: Stripe) -> None:
        """Nobody can be charged."""
        world.delete_customer()
        with pytest.raises(StripeRefusedError):
            stripe.create_invoice(order(world), "own")
        assert [] == stripe.own_invoices(world.customer, "bill", START)


TAKES_EFFECT: dict[How, bool] = {
    "lost": False,
    "unanswered": True,
    "429": False,
    "500": False,
    "500 after": True,
    "lock timeout": False,
    "lock timeout after": True,
}
IS_SPENT: Sequence[How] = ("500", "500 after", "lock timeout", "lock timeout after")


@pytest.mark.parametrize("how", TAKES_EFFECT)
@pytest.mark.parametrize("call", ["add_lines", "create_invoice"])
def test_a_call_under_a_key_that_goes_wrong_is_done_at_most_once(
    world: InvoiceWorld, stripe: Stripe, call: Call, how: How
) -> None:
    """A failure is repeated under its key; what got no answer is made once under the same one."""
    draft = own(world).id
    world.at(START + MINUTE)

    def make(key: str) -> None:
        if call == "add_lines":
            stripe.add_lines(draft, [line()], key)
        else:
            stripe.create_invoice(order(world, "other"), key)

    def made() -> int:
        if call == "add_lines":
            return len(charged(stripe, draft))
        return len(stripe.own_invoices(world.customer, "other", START))

    error = StripeFailedError if how in IS_SPENT else StripeUnavailableError
    world.fails(call, how)
    with pytest.raises(error):
        make("key")
    assert int(TAKES_EFFECT[how]) == made()
    if how in IS_SPENT:
        with pytest.raises(StripeFailedError):
            make("key")
        assert int(TAKES_EFFECT[how]) == made()
        if not TAKES_EFFECT[how]:
            make("next")
    else:
        make("key")
    assert 1 == made()
