"""What Stripe said of a user's bills, for their page: as a value, and as a text that the ledger keeps."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from zlib import compress, decompress, error

from tollkeeper.rules.times import iso, parse_iso
from tollkeeper.stripe.customer_port import LineKind, ShownInvoice, ShownLine
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.views.errors import UnknownInvoiceError
from tollkeeper.views.invoices import UpcomingInvoiceView

MOST_CHARACTERS = 64_000
"""Of the text: an item may have six times as many, but every kilobyte costs."""


@dataclass(frozen=True, slots=True)
class BillsView:
    """A user's invoices and the one to come, as of when Stripe was asked.

    `is_known` is False where nobody knows: Stripe gave no answer (`is_silent`), or is being asked just now.
    With both, Stripe gave no answer, and this is what it said before.
    """

    as_of: datetime
    is_known: bool
    invoices: Sequence[ShownInvoice] = ()
    has_more: bool = False
    upcoming: UpcomingInvoiceView | None = None
    is_silent: bool = False

    def invoice(self, invoice_id: str) -> ShownInvoice:
        """Return one of the invoices.

        Raises:
            UnknownInvoiceError: it is not among them.
            StripeUnavailableError: nobody knows what is among them.
        """
        if not self.is_known:
            raise StripeUnavailableError
        found = next((each for each in self.invoices if each.id == invoice_id), None)
        if found is None:
            raise UnknownInvoiceError
        return found


def packed(view: BillsView) -> str | None:
    """Write bills as a text; where they are too many for it, without the oldest, as if fewer were asked for.

    None if one invoice and the bill to come are too long for it.
    """
    while len(written := _text(view)) > MOST_CHARACTERS:
        if len(view.invoices) <= 1:
            return None
        view = replace(view, invoices=view.invoices[:-1], has_more=True)
    return written


def unpacked(written: str) -> BillsView | None:
    """Read what `packed` wrote; None if another release wrote it otherwise."""
    try:
        return _view(json.loads(decompress(b64decode(written))))
    except (KeyError, TypeError, ValueError, error):
        return None


def _text(view: BillsView) -> str:
    told = json.dumps(asdict(view), default=_plain, separators=(",", ":"))
    return b64encode(compress(told.encode())).decode()


def _plain(value: object) -> str:
    assert isinstance(value, datetime)  # noqa: S101 - nothing else is among the fields
    return iso(value)


def _view(told: Mapping[str, Any]) -> BillsView:
    upcoming = told["upcoming"]
    read_as: dict[str, Any] = {
        "as_of": parse_iso(told["as_of"]),
        "invoices": [_invoice(each) for each in told["invoices"]],
        "upcoming": upcoming
        and UpcomingInvoiceView(**{**upcoming, **_at(upcoming, "at"), **_lines(upcoming)}),
    }
    return BillsView(**{**told, **read_as})


def _invoice(told: Mapping[str, Any]) -> ShownInvoice:
    return ShownInvoice(
        **{**told, **_at(told, "created", "period_start", "period_end"), **_lines(told)},
    )


def _lines(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lines": [
            ShownLine(**{**each, **_at(each, "period_start", "period_end"), "kind": LineKind(each["kind"])})
            for each in told["lines"]
        ]
    }


def _at(told: Mapping[str, Any], *names: str) -> dict[str, datetime]:
    return {name: parse_iso(told[name]) for name in names}
