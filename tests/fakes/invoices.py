"""Stripe's invoices as the port has them, in memory, and as unkind as they can be."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count

from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus, Renewal
from tollkeeper.rules.overage import amount
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.port import OwnInvoice

HOUR = timedelta(hours=1)
KEYS_ARE_KNOWN_FOR = timedelta(hours=24)
READS = {"renewal", "invoice", "own_invoices", "invoices_since"}
RENEWED = {Status.ACTIVE, Status.PAST_DUE, Status.TRIALING}


class Fault(StrEnum):
    """How a call goes wrong."""

    LOST = "lost"
    """It never arrives."""
    UNANSWERED = "unanswered"
    """It takes effect, and its answer is lost."""
    LATE = "late"
    """It is not answered, and takes effect when the test says so."""
    FAILED = "failed"
    """It fails without an effect; the failure is kept under its key, and repeated."""
    FAILED_AFTER = "failed after"
    """It takes effect, and a failure is answered, kept and repeated."""
    FAILED_UNKEPT = "failed unkept"
    """It fails on the way in, so that nothing is kept under its key."""
    LIMITED = "limited"
    """A limiter refuses it: it never began."""
    REFUSED = "refused"
    """Stripe says no."""


@dataclass
class HeldInvoice:
    """An invoice at Stripe. `base_start` is when its base line starts, `bill` whose own it is."""

    id: str
    customer_id: str
    created: datetime
    subscription_id: str | None = None
    base_start: datetime | None = None
    bill: str | None = None
    status: InvoiceStatus = InvoiceStatus.DRAFT
    advances: bool = True
    finalizes_at: datetime | None = None
    lines: list[InvoiceLine] = field(default_factory=list)
    removed: list[InvoiceLine] = field(default_factory=list)
    is_deleted: bool = False

    @property
    def is_draft(self) -> bool:
        """Whether it can still be changed."""
        return self.status is InvoiceStatus.DRAFT and not self.is_deleted


class FakeInvoices:
    """The port's Invoices, of a Stripe account that goes wrong as it is told.

    `fault` says of a call by its name how it goes wrong, if it does. `cents_off` is by how much Stripe's
    amounts differ from ours; while it `doubles`, what is added is added twice. `in_flight` are the calls that
    have yet to take effect. `coupons` are products by coupons' names, `refunds` cents by invoices.
    """

    now: datetime
    held: list[Subscription]
    deleted: set[str]

    def __init__(self) -> None:
        self.invoices: dict[str, HeldInvoice] = {}
        self.paused: set[str] = set()
        self.coupons: dict[str, str] = {}
        self.refunds: dict[str, int] = {}
        self.sent: list[str] = []
        self.fault: Callable[[str], Fault | None] = lambda _: None
        self.cents_off = 0
        self.doubles = False
        self.in_flight: list[Callable[[], None]] = []
        self._answers: dict[str, tuple[datetime, object, str | None]] = {}
        self._under_way: set[str] = set()
        self._line_ids = (f"il_{number}" for number in count(1))

    # What Stripe does by itself, and what people do at it.

    def renew(self, subscription_id: str, to: datetime) -> HeldInvoice:
        """Renew a subscription where its period ends: its draft is made then, and finalised an hour later."""
        (at,) = (number for number, each in enumerate(self.held) if each.id == subscription_id)
        before = self.held[at]
        self.held[at] = replace(
            before,
            plan=before.plan_at(before.period_end),  # a schedule's next phase begins there
            pending_plan=None,
            period_start=before.period_end,
            period_end=to,
            status=Status.ACTIVE,
        )
        return self.draft(subscription_id, before.period_end)

    def draft(self, subscription_id: str, start: datetime) -> HeldInvoice:
        """Make a renewal's draft."""
        (of,) = (each for each in self.held if each.id == subscription_id)
        made = HeldInvoice(
            self._invoice_id(), of.customer_id, self.now, subscription_id, start, finalizes_at=self.now + HOUR
        )
        self.invoices[made.id] = made
        return made

    def tick(self) -> None:
        """Finalise what is to be finalised by now."""
        for each in self.invoices.values():
            if each.is_draft and each.advances and each.finalizes_at and each.finalizes_at <= self.now:
                each.status = InvoiceStatus.PAID

    def stop(self, subscription_id: str) -> None:
        """Stop a subscription's invoices, as cancelling it does."""
        for each in self.invoices.values():
            if each.subscription_id == subscription_id and each.status in {"draft", "open"}:
                each.advances = False

    def finalize(self, invoice_id: str) -> None:
        """Finalise an invoice by hand."""
        if self.invoices[invoice_id].is_draft:
            self.invoices[invoice_id].status = InvoiceStatus.OPEN

    def void(self, invoice_id: str) -> None:
        """Void an invoice by hand, which is finalised first."""
        self.invoices[invoice_id].status = InvoiceStatus.VOID

    def delete(self, invoice_id: str) -> None:
        """Delete a draft by hand, with all that is on it."""
        of = self.invoices[invoice_id]
        if of.is_draft:
            of.removed += of.lines
            of.lines, of.is_deleted = [], True

    def take_off(self, invoice_id: str, most: int = 100) -> int:
        """Take lines of ours off a draft by hand; return how many."""
        of = self.invoices[invoice_id]
        if not of.is_draft:
            return 0
        taken, of.lines = of.lines[:most], of.lines[most:]
        of.removed += taken
        return len(taken)

    def edit(self, invoice_id: str, quantity: int) -> None:
        """Give the first line of a draft another quantity by hand."""
        first, *others = self.invoices[invoice_id].lines
        self.invoices[invoice_id].lines = [replace(first, quantity=quantity, amount=quantity), *others]

    def land(self) -> None:
        """Let the calls that are in flight take effect, as far as they still can."""
        landing, self.in_flight = self.in_flight, []
        for effect in landing:
            effect()

    # The port.

    def renewal(self, subscription_id: str, ended_at: datetime) -> Renewal:
        """Look for the invoice that starts there."""
        self._begin("renewal", subscription_id)
        of = next((each for each in self.held if each.id == subscription_id), None)
        if of is None:
            return Renewal()
        found = [
            each
            for each in self.invoices.values()
            if each.subscription_id == subscription_id and each.base_start == ended_at and not each.is_deleted
        ]
        is_collected = of.status in RENEWED and subscription_id not in self.paused
        if not found:
            return Renewal(is_awaited=is_collected)
        usable = (each for each in found if each.is_draft and self._advances(each))
        draft = next(usable, None)
        charged = next((each for each in found if each is not draft and each.lines), None)
        return Renewal(
            self._shown(draft) if draft else None, charged=self._shown(charged) if charged else None
        )

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Return an invoice, unless it was deleted."""
        self._begin("invoice", invoice_id)
        found = self.invoices.get(invoice_id)
        return None if found is None or found.is_deleted else self._shown(found)

    def invoices_since(self, customer_id: str, since: datetime) -> list[Invoice]:
        """Return what was made since then, the newest first."""
        self._begin("invoices_since", customer_id)
        return [
            self._shown(each)
            for each in reversed(self.invoices.values())
            if each.customer_id == customer_id and each.created >= since and not each.is_deleted
        ]

    def charged_drafts(self) -> list[Invoice]:
        """Return the drafts with charges on them."""
        self._answer()
        held = [each for each in reversed(self.invoices.values()) if not each.is_deleted and each.lines]
        return [self._shown(each) for each in held if each.status is InvoiceStatus.DRAFT]

    def coupons_for(self, products: Collection[str]) -> list[str]:
        """Return the coupons for these products."""
        self._answer()
        return [name for name, product in self.coupons.items() if product in products]

    def refunds_since(self, since: datetime) -> dict[str, int]:  # noqa: ARG002 - all are of just now
        """Return what was paid back."""
        self._answer()
        return self.refunds

    def refunded(self, invoice_id: str) -> int:
        """Return what was paid back of one."""
        self._answer()
        return self.refunds.get(invoice_id, 0)

    def own_invoices(self, customer_id: str, bill: str, since: datetime) -> list[Invoice]:
        """Return what was made for a bill."""
        self._begin("own_invoices", customer_id)
        return [
            self._shown(each)
            for each in self.invoices.values()
            if (each.customer_id, each.bill) == (customer_id, bill)
            and each.created >= since
            and not each.is_deleted
        ]

    def create_invoice(self, order: OwnInvoice, key: str) -> None:
        """Make a draft that stands by itself."""

        def make() -> None:
            if order.customer_id in self.deleted:
                raise StripeRefusedError(f"No such customer: {order.customer_id}")
            made = HeldInvoice(
                self._invoice_id(), order.customer_id, self.now, bill=order.bill, advances=False
            )
            self.invoices[made.id] = made

        self._once("create_invoice", order.customer_id, key, order, make)

    def finalize_at(self, invoice_id: str, at: datetime) -> None:
        """Set the time at which a draft is finalised."""

        def put_off() -> None:
            draft = self._draft(invoice_id)
            if not draft.advances or at <= self.now:
                raise StripeRefusedError("it does not advance, or the time is over")
            draft.finalizes_at = at

        self._again_and_again("finalize_at", invoice_id, put_off)

    def add_lines(self, invoice_id: str, lines: Sequence[ChargeLine], key: str) -> None:
        """Put lines onto a draft."""

        def add() -> None:
            draft = self._draft(invoice_id)
            for each in [*lines] * (2 if self.doubles else 1):
                cents = amount(each.quantity, each.price) + self.cents_off
                draft.lines.append(InvoiceLine(next(self._line_ids), each.charge_id, each.quantity, cents))

        self._once("add_lines", invoice_id, key, (invoice_id, tuple(lines)), add)

    def remove_lines(self, invoice_id: str, line_ids: Sequence[str]) -> None:
        """Take lines off a draft."""

        def remove() -> None:
            draft = self._draft(invoice_id)
            if {*line_ids} - {each.id for each in draft.lines}:
                raise StripeRefusedError("one of the lines is not there")
            draft.lines = [each for each in draft.lines if each.id not in line_ids]

        self._again_and_again("remove_lines", invoice_id, remove)

    def finalize_invoice(self, invoice_id: str) -> None:
        """Finalise a draft, and collect it."""

        def finalize() -> None:
            draft = self._draft(invoice_id)
            draft.status, draft.advances = InvoiceStatus.PAID, True

        self._again_and_again("finalize_invoice", invoice_id, finalize)

    # How calls go.

    def _begin(self, name: str, of: str) -> Fault | None:
        self._answer()
        self.tick()
        self.sent.append(f"{name} {of}")
        fault = self.fault(name)
        if fault in {Fault.LOST, Fault.LIMITED}:
            raise StripeUnavailableError(fault)
        if fault and name in READS:
            raise StripeUnavailableError(fault)  # a read has no effect
        return fault

    def _once(self, name: str, of: str, key: str, asked: object, effect: Callable[[], None]) -> None:
        """Make a call under an idempotency key, whose first answer is kept, a failure too."""
        fault = self._begin(name, of)
        if fault is Fault.FAILED_UNKEPT:
            raise StripeFailedError(fault)
        if key in self._under_way:
            raise StripeUnavailableError("another call is at this key")
        if self._is_replayed(key, asked):
            return
        if fault is Fault.LATE:
            self._under_way.add(key)
            self.in_flight.append(lambda: self._land(key, asked, effect))
            raise StripeUnavailableError(fault)
        if fault is Fault.REFUSED:
            raise StripeRefusedError(fault)
        if fault is not Fault.FAILED:
            effect()
        failure = str(fault) if fault in {Fault.FAILED, Fault.FAILED_AFTER} else None
        self._answers[key] = (self.now, asked, failure)
        if failure:
            raise StripeFailedError(failure)
        if fault is Fault.UNANSWERED:
            raise StripeUnavailableError(fault)

    def _is_replayed(self, key: str, asked: object) -> bool:
        """Whether a key is known, and a success is repeated; a failure is, too."""
        known = self._answers.get(key)
        if known is None or self.now - known[0] >= KEYS_ARE_KNOWN_FOR:
            return False
        _, before, failure = known
        if before != asked:
            raise StripeFailedError("the key was used with other parameters")
        if failure:
            raise StripeFailedError(f"replayed: {failure}")
        return True

    def _land(self, key: str, asked: object, effect: Callable[[], None]) -> None:
        self._under_way.discard(key)
        try:
            effect()
        except StripeRefusedError as error:
            self._answers[key] = (self.now, asked, str(error))
        else:
            self._answers[key] = (self.now, asked, None)

    def _again_and_again(self, name: str, of: str, effect: Callable[[], None]) -> None:
        """Make a call that may be made again."""
        fault = self._begin(name, of)
        if fault is Fault.REFUSED:
            raise StripeRefusedError(fault)
        if fault is Fault.LATE:
            self.in_flight.append(lambda: _as_far_as_it_can(effect))
            raise StripeUnavailableError(fault)
        if fault not in {Fault.FAILED, Fault.FAILED_UNKEPT}:
            effect()
        if fault:
            raise StripeUnavailableError(fault)

    def _answer(self) -> None:
        raise NotImplementedError

    def _draft(self, invoice_id: str) -> HeldInvoice:
        found = self.invoices.get(invoice_id)
        if found is None or not found.is_draft or found.customer_id in self.deleted:
            raise StripeRefusedError(f"{invoice_id} is no draft that can be changed")
        return found

    def _advances(self, of: HeldInvoice) -> bool:
        return of.advances and of.subscription_id not in self.paused

    def _shown(self, of: HeldInvoice) -> Invoice:
        return Invoice(of.id, of.status, self._advances(of), of.created, of.finalizes_at, tuple(of.lines))

    def _invoice_id(self) -> str:
        return f"in_{len(self.invoices) + 1}"


def _as_far_as_it_can(effect: Callable[[], None]) -> None:
    try:
        effect()
    except StripeRefusedError:
        return
