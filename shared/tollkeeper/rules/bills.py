"""How a period's charges come onto one invoice, exactly once (DESIGN rules 11 and 12).

A bill is a small machine. Each of its steps is one call of Stripe's, or none, between a reading and a
conditional write; what is read at Stripe decides, never the answer to a write.

    owed ─┬─ bound (to the renewal's draft) ── held ─┬─ charged ── released ── agreed
          └─ opening ── bound (to its own invoice) ──┘     │          │
                ▲                                          └─ moving ─┤
                └─────────────────────────────────────────────────────┘

It also ends as waived (a person took the lines off), voided (a person voided the final invoice) or written
off (nobody can be charged, or the deployer does not wish to).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tollkeeper.rules.charges import Charge

LONGEST_WAIT_FOR_DRAFT = timedelta(hours=6)
"""How long after a period's end its renewal's draft is waited for: Stripe makes it within minutes."""

SHOWN_WITHIN = timedelta(minutes=10)
"""How long after Stripe said yes to lines they may be missing without having been removed."""

STRIPES_OWN_HOUR = timedelta(hours=1)
"""How long after its making Stripe finalises a renewal's draft that nobody holds."""

SOONEST_RELEASE = timedelta(minutes=5)
"""How far ahead a draft is set to be finalised at least, so that the call still finds it a draft."""

LAST_HOURS = timedelta(hours=2)
"""How long before the hold runs out lines that are wrong are taken off, to be charged apart."""

CENT = 1
"""How far an amount of Stripe's may be off ours: how it rounds half a cent is its own affair."""


class State(StrEnum):
    """How far a bill has come."""

    OWED = "owed"
    OPENING = "opening"
    BOUND = "bound"
    HELD = "held"
    CHARGED = "charged"
    RELEASED = "released"
    MOVING = "moving"
    AGREED = "agreed"
    WAIVED = "waived"
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"


FINAL = frozenset({State.AGREED, State.WAIVED, State.VOIDED, State.WRITTEN_OFF})
"""States in which nothing is left to do."""

ON_A_DRAFT = frozenset({State.BOUND, State.HELD, State.CHARGED, State.RELEASED})
"""States in which a renewal's draft waits for us, or may still be a draft."""

STEP_TIME = timedelta(minutes=30)
"""How long a step may take before it rings."""

FINAL_TIME = timedelta(hours=2)
"""How long after its release an invoice may take to be final before that rings."""


class Apart(StrEnum):
    """What becomes of charges whose renewal's draft there is none, or cannot be used."""

    INVOICE = "invoice"
    """They go onto an invoice of their own."""
    WRITE_OFF = "write-off"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the deployer decides: how long a draft is held at most, and what becomes of charges apart."""

    hold: timedelta = timedelta(hours=72)
    apart: Apart = Apart.INVOICE


@dataclass(frozen=True, slots=True)
class Bill:
    """What a period owes, and how far it has come onto an invoice.

    `charges` is None while the period's usage is waited for: its draft is only held then. `since` is when the
    state was entered. `is_own` says that the invoice is not the renewal's, but made for the bill. `attempt`
    numbers the idempotency keys of the state's call, `answered_at` is when Stripe said yes to it. `passed`
    are invoices that were left without the lines. `waived` are the charges that a person took off. `rev`
    counts the writes of the row.
    """

    user_id: str
    customer_id: str
    subscription_id: str
    period_start: datetime
    period_end: datetime
    state: State
    since: datetime
    charges: tuple[Charge, ...] | None = None
    invoice_id: str | None = None
    is_own: bool = False
    attempt: int = 1
    answered_at: datetime | None = None
    finalizes_at: datetime | None = None
    passed: tuple[str, ...] = ()
    waived: frozenset[str] = frozenset()
    rev: int = 0

    @property
    def left(self) -> tuple[Charge, ...]:
        """The charges that are to stand on the invoice: all but those that were waived."""
        return tuple(each for each in self.charges or () if each.id not in self.waived)

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in FINAL

    @property
    def may_go_on(self) -> bool:
        """Whether there is something to look at: the invoice of an agreed bill may be voided yet."""
        return not self.is_final or (self.state is State.AGREED and self.invoice_id is not None)

    def moved(self, state: State, now: datetime, **more: object) -> "Bill":
        """Return the bill in another state, whose call has not been tried yet."""
        fresh: dict[str, object] = {"attempt": 1, "answered_at": None}
        return replace(self, state=state, since=now, **{**fresh, **more})  # type: ignore[arg-type]


class Call(StrEnum):
    """What is asked of Stripe in a step."""

    OPEN = "open"
    """Make the bill an invoice of its own, a draft that does not advance."""
    HOLD = "hold"
    """Have the draft finalised only when the hold runs out."""
    ADD = "add"
    """Put the charges onto the draft as lines."""
    REMOVE = "remove"
    """Take the charges' lines off the draft."""
    RELEASE = "release"
    """Have the draft finalised soon; one of its own at once, which Stripe then collects."""


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to do before `until`; `trouble` says what is wrong, if something is."""

    until: datetime
    trouble: str | None = None


type Step = Bill | Call | Wait
"""What comes next: the bill as it is to be written, a call, or nothing for now."""
