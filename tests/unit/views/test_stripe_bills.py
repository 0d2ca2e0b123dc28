"""What Stripe said of bills, kept as a text."""

from dataclasses import replace
from hashlib import sha256

from tests.examples import NOW, SUBSCRIPTION
from tests.fakes.dashboard import BUSY, shown, using
from tests.fakes.stripe import FakeStripe
from tollkeeper.stripe.customer_port import ShownLine
from tollkeeper.views.stripe_bills import MOST_CHARACTERS, BillsView, packed, unpacked


def noise(number: int, characters: int) -> str:
    """Return letters that no two numbers share, and that nothing makes shorter."""
    parts = (sha256(f"{number} {part}".encode()).hexdigest() for part in range(characters // 64 + 1))
    return "".join(parts)[:characters]


def a_year() -> BillsView:
    """Return twelve invoices, with addresses as long as Stripe's."""
    stripe = FakeStripe(SUBSCRIPTION)
    made = [stripe.bill(SUBSCRIPTION, number, 99_00) for number in range(12)]
    urls = [f"https://invoice.stripe.com/i/acct_{noise(number, 120)}" for number in range(12)]
    listed = [
        replace(each, hosted_invoice_url=url, invoice_pdf=f"{url}/pdf?s=ap")
        for each, url in zip(made, urls, strict=True)
    ]
    return replace(shown(using(BUSY)).bills, invoices=listed)


def with_lines(number: int, view: BillsView) -> BillsView:
    """Return the same invoices with so many lines each, of long words."""

    def lines(of: int, like: ShownLine) -> list[ShownLine]:
        return [replace(like, description=noise(1_000 * of + each, 500)) for each in range(number)]

    invoices = [replace(each, lines=lines(of, each.lines[0])) for of, each in enumerate(view.invoices)]
    return replace(view, invoices=invoices)


def test_what_was_packed_is_unpacked() -> None:
    """To the cent and the second, with the bill to come and without."""
    for view in (shown(using(BUSY)).bills, BillsView(NOW, is_known=True), BillsView(NOW, is_known=False)):
        text = packed(view)
        assert text is not None
        read = unpacked(text)
        assert read is not None
        assert view == replace(read, invoices=tuple(read.invoices) if not view.invoices else read.invoices)


def test_a_year_of_invoices_is_small() -> None:
    """A few kilobytes of a row, each of which costs two units to write."""
    text = packed(a_year())
    assert text is not None
    assert len(text) < 3_000


def test_what_is_too_long_for_a_row_is_cut_from_its_end() -> None:
    """The newest stay, and older ones are where older ones are: on the next page."""
    long = with_lines(60, a_year())
    text = packed(long)
    assert text is not None
    assert len(text) <= MOST_CHARACTERS
    kept = unpacked(text)
    assert kept is not None
    assert (True, True) == (0 < len(kept.invoices) < 12, kept.has_more)
    assert long.invoices[: len(kept.invoices)] == kept.invoices
    assert long.upcoming == kept.upcoming


def test_where_one_invoice_is_too_long_nothing_is_kept() -> None:
    """Whoever asked shows it, and the others that it could not be shown."""
    assert packed(with_lines(300, a_year())) is None
