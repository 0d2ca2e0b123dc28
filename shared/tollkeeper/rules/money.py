"""How amounts are written for people to read."""

from decimal import Decimal, InvalidOperation

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


def smallest_units(text: str, currency: str) -> int:
    """Read what somebody typed, such as `49.90` or `$1,250`, as an amount of a currency's smallest unit.

    What `money` wrote is read as what it was.

    Raises:
        ValueError: it is no amount, is below nothing, or is finer than the currency.
    """
    typed = text.upper().strip().removeprefix(_SIGNS.get(currency, "")).removesuffix(currency.upper())
    try:
        amount = Decimal(typed.replace(",", "")).scaleb(decimal_places(currency))
    except InvalidOperation as error:
        raise ValueError("is no amount") from error
    if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
        raise ValueError("is no amount")
    return int(amount)
