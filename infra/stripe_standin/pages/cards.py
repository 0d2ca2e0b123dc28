"""The field a card is typed into, and the bank's page between a card and its charge."""

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from infra.stripe_standin.customers import cards
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.pages.document import document, section

TO_TRY = (
    ("4242 4242 4242 4242", "pays"),
    ("4000 0000 0000 0341", "is taken, and fails when it is charged"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0027 6000 3184", "asks its owner at every charge"),
    ("4000 0025 0000 3155", "asks its owner once"),
)
"""What a person may want to try (docs.stripe.com/testing)."""


async def form(request: Request) -> dict[str, str]:
    """The fields that a page sent."""
    return dict(parse_qsl((await request.body()).decode()))


def field() -> str:
    """Where a card's number is typed, with those to choose from."""
    choices = "".join(f'<option value="{number}">{what}</option>' for number, what in TO_TRY)
    listed = "".join(f"<li><code>{number}</code> {what}</li>" for number, what in TO_TRY)
    return (
        '<label for="card">Card number</label>'
        '<input id="card" name="card" inputmode="numeric" autocomplete="cc-number" list="cards" required '
        'aria-describedby="hint" placeholder="4242 4242 4242 4242">'
        f'<datalist id="cards">{choices}</datalist>'
        '<p id="hint" class="soft small">Only Stripe\'s test cards work here; no real card is charged.</p>'
        f'<details><summary>Cards to try</summary><ul class="small">{listed}</ul></details>'
    )


def must_ask(fields: Mapping[str, str]) -> bool:
    """Whether the card that is paid with asks for its owner, who has not answered yet."""
    if fields.get("paymentMethod", "card") != "card":
        return False
    try:
        return bool(cards.by_number(fields.get("card", "")).authenticates) and "authenticated" not in fields
    except RefusedError:
        return False


def succeeds(fields: Mapping[str, str]) -> bool:
    """Whether the owner was asked, and proved to be it."""
    return fields.get("authenticated") == "yes"


def challenge(fields: Mapping[str, str]) -> Response:
    """The bank's page (docs.stripe.com/payments/3d-secure)."""
    return document("Confirm it is you", section(question("", fields)))


def question(address: str, fields: Mapping[str, str]) -> str:
    """Two buttons, which send what was typed before along."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return (
        "<p>Your bank asks you to confirm this payment.</p>"
        f'<form method="post" action="{escape(address)}">{hidden}'
        '<button name="authenticated" value="yes">Complete authentication</button>'
        '<button class="plain" name="authenticated" value="no">Fail authentication</button></form>'
    )
