"""The test cards that matter (docs.stripe.com/testing), told apart by their last four digits."""

from dataclasses import dataclass
from datetime import UTC, datetime

from stripe import PaymentMethod

from infra.stripe_standin.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Card:
    """A test card.

    Attributes:
        number: The sixteen digits.
        alias: Its ready-made payment method, `pm_card_…`.
        brand: As `card.brand` has it.
        refuses: Whether it refuses charges only, or being attached as well.
        code: The error's code.
        decline_code: The bank's reason.
        authenticates: Whether its owner must authenticate: never, `once` to set it up, or `always`.
    """

    number: str
    alias: str
    brand: str = "visa"
    refuses: str = ""
    code: str = "card_declined"
    decline_code: str = "generic_decline"
    authenticates: str = ""


CARDS = (
    Card("4242424242424242", "pm_card_visa"),
    Card("5555555555554444", "pm_card_mastercard", brand="mastercard"),
    Card("4000000000000341", "pm_card_chargeCustomerFail", refuses="charges"),
    Card("4000000000000002", "pm_card_chargeDeclined", refuses="attaching"),
    Card(
        "4000000000009995",
        "pm_card_chargeDeclinedInsufficientFunds",
        refuses="attaching",
        decline_code="insufficient_funds",
    ),
    Card(
        "4000000000000069",
        "pm_card_chargeDeclinedExpiredCard",
        refuses="attaching",
        code="expired_card",
        decline_code="expired_card",
    ),
    # docs.stripe.com/testing#regulatory-cards; *unverified* that 3220 asks off session at every charge.
    Card("4000002500003155", "pm_card_authenticationRequiredOnSetup", authenticates="once"),
    Card("4000002760003184", "pm_card_authenticationRequired", authenticates="always"),
    Card("4000000000003220", "pm_card_threeDSecure2Required", authenticates="always"),
)


def by_number(number: str) -> Card:
    """The card of a number.

    Raises:
        RefusedError: It is no test card; real numbers are refused in test mode.
    """
    digits = number.replace(" ", "")
    for card in CARDS:
        if card.number == digits:
            return card
    raise RefusedError(
        "Your card number is incorrect.",
        status=402,
        kind="card_error",
        code="incorrect_number",
        param="number",
    )


def by_alias(alias: str) -> Card | None:
    """The card behind `pm_card_…`, if it is one of those."""
    return next((card for card in CARDS if card.alias == alias), None)


def check(method: PaymentMethod, *, attaching: bool, now: int) -> None:
    """Ask the bank.

    Args:
        method: The payment method used.
        attaching: Whether it is only being saved, rather than charged.
        now: Seconds since the epoch; a card works to the end of its month.

    Raises:
        RefusedError: 402, with the code and the bank's reason.
    """
    if method.card is None:
        return
    card = next(card for card in CARDS if card.number.endswith(method.card.last4))
    today = datetime.fromtimestamp(now, UTC)
    if (method.card.exp_year, method.card.exp_month) < (today.year, today.month):
        raise _declined("expired_card", "expired_card", "Your card has expired.")
    if card.refuses == "attaching" or (card.refuses == "charges" and not attaching):
        raise _declined(card.code, card.decline_code, "Your card was declined.")


def needs_authentication(method: PaymentMethod, *, set_up: bool) -> bool:
    """Whether a charge without the customer present has to wait for them.

    Args:
        method: The payment method charged.
        set_up: Whether its owner authenticated it before.
    """
    digits = method.card.last4 if "card" in method and method.card else ""
    asks = next((card.authenticates for card in CARDS if digits and card.number.endswith(digits)), "")
    return asks == "always" or (asks == "once" and not set_up)


def _declined(code: str, decline_code: str, message: str) -> RefusedError:
    return RefusedError(message, status=402, kind="card_error", code=code, decline_code=decline_code)
