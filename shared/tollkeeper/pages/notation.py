"""How one reader's pages write numbers, money and time: as their browser says that they are used to.

The words stay English. Babel knows the rest, from Unicode's CLDR.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import (
    NumberFormatError,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_symbol,
    get_group_symbol,
    parse_decimal,
)
from markupsafe import Markup

from tollkeeper.catalogue import decimal_places
from tollkeeper.rules.times import iso

ENGLISH = Locale("en")

MOST_LANGUAGES = 10
"""Languages of a browser's list that are looked at: it sends a handful."""

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
_LIKE_SPACES = re.compile(r"\s")
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_MOST_LOCALES = 64


@dataclass(frozen=True, slots=True)
class Notation:
    """Writes as in one locale. Amounts are of a currency's smallest unit, such as cents; none is rounded."""

    locale: Locale = ENGLISH

    @property
    def name(self) -> str:
        """The locale in English, such as `German (Switzerland)`."""
        return self.locale.get_display_name(ENGLISH) or str(self.locale)

    @property
    def is_english(self) -> bool:
        """Whether it is that of the page's own language."""
        return self.locale.language == ENGLISH.language

    def number(self, quantity: int | Decimal) -> str:
        """Write a quantity: `15,000`, and a true minus where it is below nothing."""
        return _signed(format_decimal(quantity, locale=self.locale, decimal_quantization=False))

    def percent(self, hundredths: int) -> str:
        """Write a share that is given in percent: `42%`."""
        return _signed(format_percent(Decimal(hundredths).scaleb(-2), locale=self.locale))

    def money(self, amount: int | Decimal, currency: str) -> str:
        """Write an amount: `$99.00`, with more decimal places where it is finer than the currency."""
        whole = Decimal(amount).scaleb(-decimal_places(currency))
        written = format_currency(whole, currency.upper(), locale=self.locale, decimal_quantization=False)
        return _signed(written)

    def day(self, of: date) -> Markup:
        """Write a day: `Dec 3, 2025`."""
        return self._time(of.isoformat(), self._day(of))

    def moment(self, of: datetime) -> Markup:
        """Write an instant to the minute: `Dec 3, 2025, 9:30 AM UTC`."""
        pattern = str(get_datetime_format("medium", self.locale)).replace("'", "")
        clock = format_time(of, "short", locale=self.locale)
        return self._time(iso(of), f"{pattern.format(clock, self._day(of))} UTC")

    def smallest_units(self, typed: str, currency: str) -> int:
        """Read what somebody typed, such as `49.90` or `$1,250`, as an amount of a currency's smallest unit.

        What `money` wrote is read as what it was. A separator at an odd place is an error, not a guess:
        `1.250` is a thousand and more in German, and nothing in English.

        Raises:
            ValueError: it is no amount, is below nothing, or is finer than the currency.
        """
        code = currency.upper()
        bare = typed.strip()
        for sign in (get_currency_symbol(code, locale=self.locale), code, get_currency_symbol(code, ENGLISH)):
            bare = re.sub(re.escape(sign), "", bare, count=1, flags=re.IGNORECASE).strip()
        group = get_group_symbol(self.locale)
        if group.isspace():
            bare = _LIKE_SPACES.sub(group, bare)
        elif group == _APOSTROPHE:
            bare = bare.replace("'", group)
        try:
            if any(each.isalpha() for each in bare):
                raise ValueError("is no amount")
            amount = parse_decimal(bare, locale=self.locale, strict=True).scaleb(decimal_places(currency))
        except (NumberFormatError, InvalidOperation) as error:
            raise ValueError("is no amount") from error
        if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
            raise ValueError("is no amount")
        return int(amount)

    def _day(self, of: date) -> str:
        return format_date(of, "medium", locale=self.locale)

    def _time(self, value: str, words: str) -> Markup:
        if self.is_english:
            return Markup('<time datetime="{}">{}</time>').format(value, words)
        return Markup('<time datetime="{}" lang="{}">{}</time>').format(value, self.locale.language, words)


IN_ENGLISH = Notation()


def notation(accept_language: str | None) -> Notation:
    """Return how to write for a browser that sends this Accept-Language header: by its first choice.

    What CLDR does not know is passed over, and so is what is written from right to left, since the page
    around it is not. English is left in the end.
    """
    for tag in _preferred(accept_language or ""):
        found = _of_tag(tag)
        if found:
            return found
    return IN_ENGLISH


def _preferred(accept_language: str) -> Iterator[str]:
    """Yield the language tags of a header, those first that are preferred (RFC 9110, 12.5.4)."""
    choices = []
    for each in accept_language.split(",")[:MOST_LANGUAGES]:
        tag, _, weight = each.replace(" ", "").partition(";q=")
        try:
            choices.append((-float(weight or 1), tag))
        except ValueError:
            continue
    return (tag for weight, tag in sorted(choices, key=lambda each: each[0]) if weight < 0)


@lru_cache(_MOST_LOCALES)
def _of_tag(tag: str) -> Notation | None:
    if not _TAG.fullmatch(tag):
        return None
    try:
        locale = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None
    return Notation(locale) if locale.text_direction == "ltr" else None


def _signed(written: str) -> str:
    return written.replace("-", "−")
