"""How a reader's pages write numbers, money and time, and how what they type is read."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.pages.notation import IN_ENGLISH, Notation, notation
from tollkeeper.rules.money import money

NOON = datetime(2025, 12, 3, 9, 30, tzinfo=UTC)
LOCALES = [
    "bg",
    "cs",
    "de",
    "de_AT",
    "de_CH",
    "en_GB",
    "en_IN",
    "es",
    "es_419",
    "fi",
    "fr",
    "fr_CH",
    "hi",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "lt",
    "nb",
    "nl",
    "pl",
    "pt_BR",
    "pt_PT",
    "sv",
    "th",
    "tr",
]
CURRENCIES = ["usd", "eur", "jpy", "krw", "kwd", "chf", "inr"]


def plain(text: str) -> str:
    """Return a text with each kind of space as an ordinary one."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("header", "quantity", "amount", "instant"),
    [
        (None, "−15,000", "$1,234.56", "Dec 3, 2025, 9:30 AM UTC"),
        ("en-US,en;q=0.9", "−15,000", "$1,234.56", "Dec 3, 2025, 9:30 AM UTC"),
        ("en-GB,en;q=0.9", "−15,000", "US$1,234.56", "3 Dec 2025, 09:30 UTC"),
        ("de-DE,de;q=0.9,en;q=0.8", "−15.000", "1.234,56 $", "03.12.2025, 09:30 UTC"),
        ("de-CH", "−15'000", "$ 1'234.56", "03.12.2025, 09:30 UTC"),
        ("fr-FR", "−15 000", "1 234,56 $US", "3 déc. 2025, 09:30 UTC"),
        ("zh-CN,zh;q=0.9", "−15,000", "US$1,234.56", "2025年12月3日 09:30 UTC"),
    ],
)
def test_it_writes_as_the_reader_does(header: str | None, quantity: str, amount: str, instant: str) -> None:
    """By the first language that the browser names."""
    found = notation(header)
    assert (quantity, amount) == tuple(
        plain(each).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        for each in (found.number(-15_000), found.money(123_456, "usd"))
    )
    assert f">{instant}</time>" in plain(str(found.moment(NOON)))


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("en;q=0.5, de;q=0.9, fr;q=0.8", "de"),
        ("xx, tlh-Latn, pt-BR", "pt_BR"),
        ("ar, fa;q=0.9, he;q=0.8, nl;q=0.1", "nl"),
        ("de;q=0, fr", "fr"),
        ("ar", "en"),
        ("*", "en"),
        ("", "en"),
        ("../../etc/passwd, de", "de"),
        ("de;q=x, sv", "sv"),
        ("\x00, \ud800, de-\u00fc, " + "a" * 10_000, "en"),
        (",".join(["xx"] * 5_000 + ["de"]), "en"),
    ],
)
def test_the_best_language_that_is_known_is_chosen(header: str, tag: str) -> None:
    """What is unknown, refused, malformed, or written from right to left is passed over."""
    assert tag == str(notation(header).locale)


@given(st.text(max_size=200) | st.from_regex(r"[a-zA-Z*-]{1,8}(;q=[0-9.]{1,5})?(,[a-z]{2})?", fullmatch=True))
def test_no_header_is_an_error(header: str) -> None:
    """Whatever a browser, or what says it is one, may send."""
    assert notation(header).money(1, "usd")


@given(st.sampled_from(LOCALES), st.integers(0, 10**9) | st.integers(0, 10**6), st.sampled_from(CURRENCIES))
def test_what_was_written_is_read_as_what_it_was(tag: str, amount: int, currency: str) -> None:
    """So a field that shows an amount can be sent back as it is, whatever the locale."""
    found = Notation(Locale.parse(tag))
    assert amount == found.smallest_units(found.money(amount, currency), currency)


@given(st.decimals(min_value=0, max_value=10**8, places=4), st.sampled_from(["usd", "jpy", "kwd"]))
def test_nothing_is_rounded(amount: Decimal, currency: str) -> None:
    """What is written is the amount, as fine as it is."""
    places = {"usd": 2, "jpy": 0, "kwd": 3}[currency]
    digits = "".join(each for each in IN_ENGLISH.money(amount, currency) if each.isdigit() or each == ".")
    assert amount == Decimal(digits) * 10**places


@pytest.mark.parametrize("amount", [0, 1, 9_900, 123_456_789, Decimal("0.05")])
def test_english_is_what_invoices_say(amount: int | Decimal) -> None:
    """The lines that Stripe shows are written alike."""
    assert money(amount, "usd") == IN_ENGLISH.money(amount, "usd")


@pytest.mark.parametrize(
    ("header", "typed", "cents"),
    [
        ("en", "50", 5_000),
        ("en", " 49.9 ", 4_990),
        ("en", "$1,250.00", 125_000),
        ("en", "1250 usd", 125_000),
        ("de", "49,90", 4_990),
        ("de", "1.250", 125_000),
        ("de", "1.250,5 $", 125_050),
        ("fr", "1 250,50 $US", 125_050),
        ("fr", "1250,50 $", 125_050),
        ("de-CH", "1'250.50", 125_050),
    ],
)
def test_an_amount_is_read_as_people_type_it(header: str, typed: str, cents: int) -> None:
    """With or without the sign, spaces and separators, where they are used to them."""
    assert cents == notation(header).smallest_units(typed, "usd")


@pytest.mark.parametrize(
    ("header", "typed"),
    [
        ("en", "49,90"),
        ("en", "1.250,00"),
        ("en", "0.001"),
        ("de", "49.90"),
        ("de", "1,250.00"),
        *[
            ("en", each)
            for each in ("", "-1", "−1", "NaN", "Infinity", "1e3", "five", "$", "1 2", "٣x", "\ud800")
        ],
    ],
)
def test_what_may_mean_another_amount_is_not_read(header: str, typed: str) -> None:
    """A separator at an odd place is nobody's guess: it is about money."""
    with pytest.raises(ValueError, match="is no amount"):
        notation(header).smallest_units(typed, "usd")


@given(st.text(max_size=30), st.sampled_from(["en", "de", "fr", "de-CH", "hi"]))
def test_whatever_is_typed_is_an_amount_or_none(typed: str, header: str) -> None:
    """Never another error."""
    try:
        assert notation(header).smallest_units(typed, "usd") >= 0
    except ValueError as error:
        assert "is no amount" in str(error)  # noqa: PT017 - of two outcomes


def test_times_say_their_language() -> None:
    """So that a screen reader pronounces a month as it is written; and what machines read is ISO 8601."""
    assert '<time datetime="2025-12-03T09:30:00Z" lang="fr">' in str(notation("fr").moment(NOON))
    assert '<time datetime="2025-12-03">' in str(IN_ENGLISH.day(NOON.date()))
