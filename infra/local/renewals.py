"""The invoice that renews a customer's subscription at the stand-in, and figures known in advance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Column, Table
from stripe import Invoice, InvoiceLineItem, StripeClient

from infra.local.console import console


@dataclass(frozen=True)
class Figure:
    """A figure that is known in advance, and what it turned out to be."""

    name: str
    expected: str
    found: str

    @property
    def is_off(self) -> bool:
        """Whether the two differ."""
        return self.expected != self.found


@dataclass(frozen=True)
class Line:
    """A line of an invoice; `amount` in cents, `words` its description, where they are known."""

    product: str
    quantity: int
    amount: int
    words: str | None = None

    @property
    def charge(self) -> str:
        """What it charges."""
        return f"{self.quantity:,} for {dollars(self.amount)}"


@dataclass(frozen=True)
class Renewal:
    """A customer's newest renewal, as Stripe has it."""

    invoice: Invoice
    lines: Sequence[Line]

    @classmethod
    def of(cls, stripe: StripeClient, customer_id: str) -> "Renewal":
        """Ask Stripe for it."""
        found = stripe.v1.invoices.list({"customer": customer_id, "limit": 100}).data
        invoice = next(each for each in found if each.billing_reason == "subscription_cycle")
        names = {product.id: product.name for product in stripe.v1.products.list({"limit": 100}).data}
        return cls(
            invoice,
            [
                Line(_product(line, names), line.quantity or 0, line.amount, line.description)
                for line in invoice.lines.data
            ],
        )

    def show(self) -> None:
        """Print it."""
        table = Table("Invoice", Column("Amount", justify="right"), title_justify="left")
        for line in self.lines:
            table.add_row(line.words, dollars(line.amount))
        table.add_section()
        table.add_row(f"Total ({self.invoice.status})", dollars(self.invoice.total), style="bold")
        console.print(table)

    def figures(self, whose: str, expected: Sequence[Line]) -> list[Figure]:
        """Each line and its words, any line that should not be there, the total, and what was paid of it."""
        due = {line.product: line for line in expected}
        total = dollars(sum(line.amount for line in expected))
        return [
            *(
                Figure(
                    f"{product} on {whose} invoice",
                    due[product].charge if product in due else "no line",
                    " and ".join(line.charge for line in self.lines if line.product == product) or "no line",
                )
                for product in dict.fromkeys([*due, *(line.product for line in self.lines)])
            ),
            *(
                Figure(f"{line.product} in words", line.words, self._words(line.product))
                for line in expected
                if line.words
            ),
            Figure(f"What {whose} invoice was paid", total, dollars(self.invoice.amount_paid)),
            Figure(f"The total of {whose} invoice", total, dollars(self.invoice.total)),
        ]

    def _words(self, product: str) -> str:
        return " and ".join(line.words or "" for line in self.lines if line.product == product) or "no line"


def _product(line: InvoiceLineItem, names: Mapping[str, str]) -> str:
    details = line.pricing and line.pricing.price_details
    return names[details.product] if details else "no product"


def dollars(cents: int) -> str:
    """An amount as people write it."""
    return f"${cents / 100:,.2f}"
