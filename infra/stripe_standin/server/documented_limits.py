"""The longest texts and lists that Stripe takes, as its API reference gives them beside each parameter.

Checked before a call is executed, so that its idempotency key stays free (docs.stripe.com/error-low-level).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stripe import StripeObject

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.routes import Route

# docs.stripe.com/api/metadata
MOST_KEYS, LONGEST_KEY, LONGEST_VALUE = 50, 40, 500

LONGEST_TEXT = 5000
LONGEST_TEXTS = {
    "/v1/billing/meter_events": {"event_name": 100, "identifier": 100},
    "/v1/billing/meters": {"display_name": 250, "event_name": 100},
    "/v1/checkout/sessions": {"client_reference_id": 200, "subscription_data[description]": 500},
    "/v1/coupons": {"name": 40},
    "/v1/customers": {"email": 512, "name": 256, "phone": 20},
    "/v1/invoices": {"description": 1500},
    "/v1/prices": {"lookup_key": 200},
    "/v1/products": {"description": 40_000, "unit_label": 12},
    "/v1/subscriptions": {"description": 500},
    "/v1/test_helpers/test_clocks": {"name": 300},
}
# docs.stripe.com/api/prices/list#list_prices-lookup_keys; of a bulk call's lines others say 100
# (github.com/useautumn/autumn/pull/3491).
MOST_ITEMS = {"/v1/invoices": {"lines": 100}, "/v1/prices": {"lookup_keys": 10}}


def check(account: Account, route: Route, params: Mapping[str, Any], ids: list[str]) -> None:
    """Refuse what is longer than Stripe takes.

    Args:
        account: The account, for the metadata that an update adds to.
        route: The call.
        params: Its checked parameters.
        ids: The ids in its path, the object's own last.

    Raises:
        RefusedError: 400, naming the parameter.
    """
    noun = route.path.partition("/{")[0]
    given = dict(params.items())
    for name, most in MOST_ITEMS.get(noun, {}).items():
        if len(given.get(name) or []) > most:
            raise RefusedError(f"{name} takes at most {most} values.", param=name)
    longest = LONGEST_TEXTS.get(noun, {})
    for name, value in _texts(given, ""):
        if len(value) > (most := longest.get(name, LONGEST_TEXT)):
            raise RefusedError(
                f"Invalid string: {value[:20]}…; must be at most {most} characters", param=name
            )
    for name, metadata in _all_metadata(given, ""):
        _check_metadata(metadata, name)
    if isinstance(changed := given.get("metadata"), dict) and ids:
        known = account.anything(ids[-1])
        present = known["metadata"] if known is not None and "metadata" in known else None
        if isinstance(present, StripeObject):
            _check_metadata({**present.to_dict(), **changed}, "metadata")


def _check_metadata(metadata: Mapping[str, str], name: str) -> None:
    """50 keys at most, of 40 characters, without brackets; values of 500 characters."""
    if len([value for value in metadata.values() if value != ""]) > MOST_KEYS:
        raise RefusedError(f"Metadata can have up to {MOST_KEYS} keys.", param=name)
    for key, value in metadata.items():
        if len(key) > LONGEST_KEY:
            raise RefusedError(
                f"Metadata keys must be at most {LONGEST_KEY} characters: {key[:20]}…", param=name
            )
        if len(value) > LONGEST_VALUE:
            raise RefusedError(
                f"Metadata values must be at most {LONGEST_VALUE} characters: {key}", param=f"{name}[{key}]"
            )


def _texts(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Every text below `value` but those of metadata, with its parameter's name."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key != "metadata":
                yield from _texts(inner, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _texts(inner, f"{name}[{at}]")


def _all_metadata(value: object, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            inside = f"{name}[{key}]" if name else key
            if key == "metadata" and isinstance(inner, dict):
                yield inside, inner
            else:
                yield from _all_metadata(inner, inside)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _all_metadata(inner, f"{name}[{at}]")
