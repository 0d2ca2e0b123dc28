"""How amounts are written for people to read."""

from decimal import Decimal

from tollkeeper.catalogue import decimal_places

_SIGNS = {"eur": "\N{EURO SIGN}", "gbp": "\N{POUND SIGN}", "jpy": "\N{YEN SIGN}", "usd": "$"}
"""Of currencies whose sign nobody takes for another's."""


def money(amount: Decimal | int, currency: str) -> str:
    """Write an amount of a currency's smallest unit, such as cents: `$0.01`, `¥50`, `1,250.00 CHF`.

    It has the currency's decimal places, and more where it is finer than those: nothing is rounded.
    """
    places = decimal_places(currency)
    exact = Decimal(amount).scaleb(-places)
    finest = Decimal(1).scaleb(-places)
    number = exact.quantize(finest) if exact % finest == 0 else exact.normalize()
    sign = _SIGNS.get(currency)
    return f"{sign}{number:,f}" if sign else f"{number:,f} {currency.upper()}"
