"""What shows users what they have is made of."""

from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.views.explanations import Explanations, StripeForExplaining
    from tollkeeper.views.invoices import InvoiceViews
    from tollkeeper.views.reader import Reader


def reader() -> "Reader":
    """Return what shows users what they have."""
    from tollkeeper.ledger.history import History
    from tollkeeper.views.reader import Reader

    return Reader(runtime.users(), History(runtime.table()), runtime.offer(), runtime.clock())


def invoices() -> "InvoiceViews":
    """Return what shows users their invoices."""
    from tollkeeper.views.invoices import InvoiceViews

    deployment = runtime.settings().deployment
    return InvoiceViews(
        runtime.users(), runtime.stripe_gateway(), runtime.offer(), deployment, runtime.clock()
    )


def explanations() -> "Explanations":
    """Return what explains users their invoices."""
    return explanations_by(runtime.stripe_gateway())


def explanations_by(stripe: "StripeForExplaining") -> "Explanations":
    """Return the same by what this Stripe says of them."""
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.ledger.closing import Closing
    from tollkeeper.ledger.history import History
    from tollkeeper.views.explanations import Explanations

    table = runtime.table()
    books = Bills(table), Closing(table), History(table)
    return Explanations(runtime.users(), *books, stripe, runtime.catalogue(), runtime.clock())
