"""Payment methods without a card, as test mode has them; what they are asked to pay, they pay at once.

At Stripe bank debits stay `processing` for days (docs.stripe.com/payments/bank-debits).
"""

from collections.abc import Collection, Mapping
from typing import Any

from infra.stripe_standin.errors import RefusedError, lacking

# docs.stripe.com/payments/sepa-debit/accept-a-payment, of those that succeed; with the bank's code.
IBANS = {"AT611904300234573201": "19043", "DE89370400440532013000": "37040044"}
# docs.stripe.com/payments/ach-direct-debit/accept-a-payment, the one that succeeds.
ROUTING_NUMBER, ACCOUNT_NUMBER = "110000000", "000123456789"

# What is typed on Checkout's page, where a test only says which method it is.
TYPED: Mapping[str, Mapping[str, str]] = {
    "cashapp": {},
    "link": {},
    "sepa_debit": {"iban": "DE89370400440532013000"},
    "us_bank_account": {"routing_number": ROUTING_NUMBER, "account_number": ACCOUNT_NUMBER},
}

# What an account takes is a setting of its dashboard; this one takes whatever there is.
TAKEN = ("card", *TYPED)


def details(kind: str, given: Mapping[str, Any], email: str | None) -> dict[str, Any]:
    """What a payment method says of itself under the key of its type.

    See docs.stripe.com/api/payment_methods/object.

    Args:
        kind: Its `type`.
        given: The parameters under that key.
        email: That of its billing details, by which Link knows people.

    Raises:
        RefusedError: A number is missing, or is none of test mode's.
    """
    match kind:
        case "cashapp":
            return {"buyer_id": "standin", "cashtag": "$standin"}
        case "link":
            return {"email": email}
        case "sepa_debit":
            iban = _typed(kind, given, "iban", IBANS)
            return {
                "bank_code": IBANS[iban],
                "branch_code": "",
                "country": iban[:2],
                "fingerprint": f"standin{iban[-4:]}",
                "generated_from": {},
                "last4": iban[-4:],
            }
        case "us_bank_account":
            routing_number = _typed(kind, given, "routing_number", [ROUTING_NUMBER])
            account_number = _typed(kind, given, "account_number", [ACCOUNT_NUMBER])
            return {
                "account_holder_type": given.get("account_holder_type", "individual"),
                "account_type": given.get("account_type", "checking"),
                "bank_name": "STRIPE TEST BANK",
                "fingerprint": f"standin{account_number[-4:]}",
                "last4": account_number[-4:],
                "networks": {"preferred": "ach", "supported": ["ach"]},
                "routing_number": routing_number,
                "status_details": {},
            }
        case _:
            raise lacking(f"payment methods of type {kind}")


def _typed(kind: str, given: Mapping[str, Any], name: str, known: Collection[str]) -> str:
    if name not in given:
        raise RefusedError(
            f"Missing required param: {kind}[{name}].", code="parameter_missing", param=f"{kind}[{name}]"
        )
    number = str(given[name]).replace(" ", "")
    if number not in known:
        raise lacking(f"{kind}[{name}]={number}")
    return number
