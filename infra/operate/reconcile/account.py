"""What of a Stripe account would change overage or prices: drafts, coupons on them, and the catalogue."""

from collections.abc import Iterator
from datetime import datetime

from stripe import Invoice, InvoiceLineItem, StripeClient

from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import Keep, plan, wanted
from tollkeeper.catalogue import Catalogue

_PAGE = 100


def catalogue_changes(client: StripeClient, catalogue: Catalogue, now: datetime) -> list[str]:
    """Return what `make stripe-apply` would change, or could not; nothing where all is as applied."""
    steps = plan(catalogue, StripeCatalogue(client).read([*wanted(catalogue)]), now)
    return [str(step) for step in steps if not isinstance(step, Keep)]


def drafts(client: StripeClient, deployment: str) -> Iterator[str]:
    """Return, in sentences, the drafts on which overage would not come to what is owed, or to nobody."""
    for invoice in client.v1.invoices.list({"status": "draft", "limit": _PAGE}).auto_paging_iter():
        lines = [each for each in _all_lines(client, invoice) if _is_ours(each, deployment)]
        if not lines:
            continue
        cents = sum(each.amount for each in lines)
        if not invoice.auto_advance:
            yield f"{invoice.id} has {cents} cents of overage, and does not advance by itself"
        off = sum(each.amount for line in lines for each in line.discount_amounts or ())
        if off or any(line.discountable for line in lines):
            yield f"a coupon takes {off} of {cents} cents of overage off on {invoice.id}, or may"


def _all_lines(client: StripeClient, invoice: Invoice) -> Iterator[InvoiceLineItem]:
    if not invoice.lines.has_more:
        return iter(invoice.lines.data)
    return client.v1.invoices.line_items.list(invoice.id, {"limit": _PAGE}).auto_paging_iter()


def _is_ours(line: InvoiceLineItem, deployment: str) -> bool:
    noted = line.metadata.to_dict() if line.metadata else {}
    return "charge" in noted and noted.get("deployment") == deployment
