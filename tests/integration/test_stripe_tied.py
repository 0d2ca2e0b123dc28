"""A stack tied to an account of the Stripe stand-in: its key, its two destinations, and their secrets."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from infra.operate.stripe_catalogue.destinations import (
    Connect,
    Destinations,
    Leave,
    Retune,
    Stranger,
    digest,
)
from infra.operate.stripe_catalogue.webhook import KeepKey, StoredSecrets, StoreKey, Tie, TieStep
from tests.ledger.tables import CREDENTIALS
from tests.standin.harness import Sandbox
from tollkeeper.stripe.event_types import Style, of_style

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

WEBHOOK = "https://webhook.example.com/"
KEY, SECRETS = "/tollkeeper/dev/stripe-secret-key", "/tollkeeper/dev/stripe-webhook-secret"


@pytest.fixture
def ssm() -> Iterator["SSMClient"]:
    """SSM as moto plays it."""
    with mock_aws():
        yield boto3.client("ssm", **CREDENTIALS)


@pytest.fixture
def tie(sandbox: Sandbox, ssm: "SSMClient") -> Tie:
    """What ties the stack `dev`, of which Stripe knows nothing yet."""
    return Tie(
        secrets=StoredSecrets(ssm),
        destinations=Destinations(sandbox.stripe, WEBHOOK, "dev"),
        deployment="dev",
        key="sk_test_mine",
        key_parameter=KEY,
        webhook_parameter=SECRETS,
    )


def apply(tie: Tie) -> list[type[TieStep]]:
    """Take all steps; return what they were."""
    steps = [*tie.plan()]
    for step in steps:
        tie.take(step)
    return [type(step) for step in steps]


def stored(tie: Tie) -> list[str]:
    """Return the signing secrets that the webhook accepts."""
    return tie.secrets.read(SECRETS).split(",")


def test_what_is_followed_is_sent_and_what_signs_it_is_stored(tie: Tie, sandbox: Sandbox) -> None:
    """A destination for each style of events, and the key and both secrets where the functions read them."""
    assert [StoreKey, Connect, Connect] == apply(tie)
    (snapshots,) = sandbox.stripe.v1.webhook_endpoints.list().data
    (thin,) = sandbox.stripe.v2.core.event_destinations.list().data
    assert of_style(Style.SNAPSHOT) == snapshots.enabled_events
    assert of_style(Style.THIN) == thin.enabled_events
    assert "sk_test_mine" == tie.secrets.read(KEY)
    assert ["whsec_", "whsec_"] == [each[:6] for each in stored(tie)]
    assert {each.secret for each in tie.destinations.found()} == {digest(each) for each in stored(tie)}


def test_a_second_time_does_nothing(tie: Tie) -> None:
    """Nor does it put the operator's key in the place of one that has fewer rights."""
    apply(tie)
    before = stored(tie)
    assert [KeepKey, Leave, Leave] == apply(replace(tie, key="sk_test_of_the_operator"))
    assert ("sk_test_mine", before) == (tie.secrets.read(KEY), stored(tie))


@pytest.mark.parametrize("style", Style)
def test_what_a_new_version_follows_is_sent_too(tie: Tie, sandbox: Sandbox, style: Style) -> None:
    """And a destination that Stripe or somebody has switched off sends again."""
    apply(tie)
    (found,) = [each for each in tie.destinations.found() if each.style is style]
    fewer: Any = of_style(style)[:1]
    if style is Style.SNAPSHOT:
        sandbox.stripe.v1.webhook_endpoints.update(found.id, {"enabled_events": fewer, "disabled": True})
    else:
        sandbox.stripe.v2.core.event_destinations.update(found.id, {"enabled_events": [*fewer]})
    assert Retune in apply(tie)
    assert {Leave} == set(apply(tie)[1:])


@pytest.mark.parametrize("dies", ["before the secret is stored", "before that is noted"])
def test_a_secret_that_was_lost_is_made_anew(
    tie: Tie, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    """Stripe tells it once. A destination that signs with what nobody knows is replaced: events come once."""
    lost = "write" if dies == "before the secret is stored" else "mark"
    of = StoredSecrets if lost == "write" else Destinations
    with monkeypatch.context() as dying:
        dying.setattr(of, lost, _die)
        with pytest.raises(ConnectionError):
            tie.take(Connect(Style.SNAPSHOT))
    apply(tie)
    (snapshots,) = [each for each in tie.destinations.found() if each.style is Style.SNAPSHOT]
    assert snapshots.secret in {digest(each) for each in stored(tie)}
    assert 1 == len(sandbox.stripe.v1.webhook_endpoints.list().data)


def test_secrets_that_are_gone_from_the_parameter_are_made_anew(tie: Tie, ssm: "SSMClient") -> None:
    """As those of a stack that was deleted, with its parameters, and deployed again."""
    apply(tie)
    ssm.delete_parameter(Name=SECRETS)
    assert [KeepKey, Connect, Connect] == apply(tie)
    assert {each.secret for each in tie.destinations.found()} == {digest(each) for each in stored(tie)}


def test_a_secret_that_was_rolled_by_hand_stays(tie: Tie, ssm: "SSMClient") -> None:
    """Whoever rolls one in Stripe stores the new one, of which no mark tells."""
    apply(tie)
    ssm.put_parameter(Name=SECRETS, Value="whsec_new,whsec_other", Type="SecureString", Overwrite=True)
    assert [KeepKey, Leave, Leave] == apply(tie)
    assert ["whsec_new", "whsec_other"] == stored(tie)


def test_a_destination_of_somebody_else_stops_it(tie: Tie, sandbox: Sandbox) -> None:
    """Events would come twice, once with a signature that nobody knows."""
    made = sandbox.stripe.v1.webhook_endpoints.create({"url": WEBHOOK, "enabled_events": ["*"]})
    (stranger,) = [each for each in tie.plan() if isinstance(each, Stranger)]
    assert str(stranger).startswith(f"! {made.id} sends events to the webhook already")


def _die(*_: object) -> None:
    raise ConnectionError
