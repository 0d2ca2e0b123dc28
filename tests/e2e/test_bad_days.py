"""Floods, outages, a rolled secret and a deploy, each in the middle of traffic at the deployed stack."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import httpx
import pytest
from stripe import WebhookSignature

from infra.local.customer import Customer
from infra.local.places import ROOT, Home, Stack
from infra.local.sam import STACK_NAME
from infra.template import WEBHOOK_SECRET, secret_parameter
from tests.e2e.callers import Callers, soon
from tests.e2e.queues import Queues
from tests.ledger.tables import CREDENTIALS

FLOOD = 300
SOON_VISIBLE, AS_DEPLOYED = 20, 420
"""Seconds after which a message can be seen again whose function was ended, in the test and otherwise."""

WEBHOOK_SECRET_PARAMETER = secret_parameter("local", STACK_NAME, WEBHOOK_SECRET)

CONNECTIONS = 12
NOBODYS = '{"id":"evt_nobodys","object":"event","created":1763208000,"type":"ping","data":{"object":{}}}'
"""An event that Stripe may send, and nobody follows."""


def record(user: str, record_id: str) -> dict[str, object]:
    """Return a usage record of one export."""
    return {"id": record_id, "userId": user, "eventType": "exports"}


def deliver(stack: Stack, secret: str | None, client: httpx.Client | None = None) -> httpx.Response:
    """Deliver an event to the webhook, signed or forged."""
    signed = (
        WebhookSignature.generate_signature_header(NOBODYS, secret)
        if secret
        else f"t={int(time.time())},v1=0"
    )
    headers = {"stripe-signature": signed, "content-type": "application/json"}
    with httpx.Client(trust_env=False, timeout=120) as own:
        return (client or own).post(stack.webhook, content=NOBODYS, headers=headers)


def secrets_of(stack: Stack) -> list[str]:
    """Return the secrets that Stripe's deliveries may be signed with."""
    parameters = boto3.client("ssm", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
    found = parameters.get_parameter(Name=WEBHOOK_SECRET_PARAMETER, WithDecryption=True)
    return str(found["Parameter"]["Value"]).split(",")


def flood(ask: Callable[[int], int], meanwhile: Callable[[], bool]) -> Counter[int]:
    """Ask many times over many connections, and count the answers; others are served meanwhile."""
    with ThreadPoolExecutor(CONNECTIONS) as strangers:
        answers = strangers.map(ask, range(FLOOD))
        assert all(meanwhile() for _ in range(3))
        return Counter(answers)


def test_a_flood_at_the_webhook_reaches_nothing(
    stack: Stack, callers: Callers, queues: Queues, user: str
) -> None:
    """Each is refused with 400 and leaves nothing; Stripe's own is taken, and usage counted, meanwhile."""
    secret, numbers = secrets_of(stack)[0], iter(range(1_000))
    with httpx.Client(trust_env=False, timeout=120, limits=httpx.Limits(max_connections=CONNECTIONS)) as one:

        def others_are_served() -> bool:
            queues.send(json.dumps({"records": [record(user, f"flood-{next(numbers)}")]}))
            return deliver(stack, secret).status_code == 200

        answers = flood(lambda _: deliver(stack, None, one).status_code, others_are_served)
    assert {400: FLOOD} == answers
    assert 3 == soon(lambda: callers.usage(user)["exports"], lambda used: used >= 3)


@pytest.mark.parametrize(
    ("path", "status"), [("/openapi.json", 200), ("/dashboard", 401), ("/dashboard?link=guessed", 401)]
)
def test_a_flood_at_what_anybody_may_call_changes_nothing(
    callers: Callers, user: str, path: str, status: int
) -> None:
    """Each gets the same answer, and a user is served meanwhile. On AWS a throttle cuts it off with 429."""
    stranger = callers.bearing(None)
    before = callers.user(user).get("/subscription").json()
    answers = flood(
        lambda _: stranger.get(path).status_code,
        lambda: callers.user(user).get("/subscription").status_code == 200,
    )
    assert {status: FLOOD} == answers
    assert before == callers.user(user).get("/subscription").json()


@pytest.fixture
def stripe_away(stack: Stack) -> Iterator[None]:
    """Stripe answers nothing but 500."""
    address = f"{stack.stripe}/_sandbox/faults"
    fault = {"method": "*", "path": "*", "answer": "500", "count": 100_000}
    httpx.put(address, json={"faults": [fault]}, trust_env=False).raise_for_status()
    yield
    httpx.put(address, json={"faults": []}, trust_env=False).raise_for_status()


def test_while_stripe_is_away_only_what_needs_it_is_put_off(
    home: Home, stack: Stack, callers: Callers, request: pytest.FixtureRequest
) -> None:
    """Buying gets 503 and when to come again; usage, quota and webhooks go on, and nothing is lost."""
    customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
    user = customer.user_id
    request.getfixturevalue("stripe_away")
    page = {"successUrl": "http://localhost:3000/", "cancelUrl": "http://localhost:3000/"}
    refused = callers.user(user).post("/checkout", json={"plan": "starter", **page})
    assert (503, True) == (refused.status_code, "retry-after" in refused.headers)
    assert 200 == callers.consume(user, "exports", f"away-{user}").status_code
    assert 202 == callers.service.post("/usage", json={"records": [record(user, "tracked")]}).status_code
    assert 2 == soon(lambda: callers.usage(user)["exports"], lambda used: used >= 2)
    assert 200 == deliver(stack, secrets_of(stack)[0]).status_code
    httpx.put(f"{stack.stripe}/_sandbox/faults", json={"faults": []}, trust_env=False).raise_for_status()
    customer.buy("starter")
    assert customer.once("trialing")


def test_a_secret_is_rolled_without_a_deploy(stack: Stack) -> None:
    """While both are stored both are taken, though a function remembers what it read for five minutes."""
    parameters = boto3.client("ssm", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
    old = secrets_of(stack)
    both = ",".join([*old, "whsec_rolled"])
    parameters.put_parameter(Name=WEBHOOK_SECRET_PARAMETER, Value=both, Type="SecureString", Overwrite=True)
    try:
        _forget_what_was_read(stack)
        assert 200 == deliver(stack, "whsec_rolled").status_code
        assert 200 == deliver(stack, old[0]).status_code
    finally:
        parameters.put_parameter(
            Name=WEBHOOK_SECRET_PARAMETER, Value=",".join(old), Type="SecureString", Overwrite=True
        )
        _forget_what_was_read(stack)


def _forget_what_was_read(stack: Stack) -> None:
    """Start the webhook's function anew, which is what five minutes do otherwise."""
    functions = boto3.client("lambda", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
    name = _function(stack, "StripeWebhook")
    described = functions.get_function_configuration(FunctionName=name)
    variables = {**described["Environment"]["Variables"], "ROLLED": uuid.uuid4().hex}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def _function(stack: Stack, logical_id: str) -> str:
    formation = boto3.client("cloudformation", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
    found = formation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_id)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def test_a_deploy_in_the_middle_of_traffic_loses_nothing(
    home: Home, stack: Stack, callers: Callers, queues: Queues, user: str
) -> None:
    """What the queue takes while functions are replaced is counted once, by the old ones or by the new.

    The emulator ends functions at work, as a crash would: what they had in hand comes again later.
    """
    queues.hide_for(SOON_VISIBLE)
    deploying = subprocess.Popen(
        [sys.executable, "-m", "infra.local", "redeploy", "--set", "RecordDays=401"],
        env=os.environ | {"TOLLKEEPER_LOCAL": str(home.folder), "PYTHONPATH": ".:shared"},
        cwd=ROOT,
    )
    sent = 0
    while deploying.poll() is None:
        body = json.dumps({"records": [record(user, f"deploy-{sent}")]})
        queues.send(body)
        if sent % 3 == 0:
            queues.send(body)  # twice, perhaps once to each version
        sent += 1
        time.sleep(0.1)
    assert 0 == deploying.returncode
    functions = boto3.client("lambda", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
    described = functions.get_function_configuration(FunctionName=_function(stack, "UsageTracker"))
    assert "401" == described["Environment"]["Variables"]["RECORD_DAYS"]
    assert sent > 10
    assert sent == soon(lambda: callers.usage(user)["exports"], lambda used: used >= sent)
    queues.settle()
    queues.hide_for(AS_DEPLOYED)
    assert sent == callers.usage(user)["exports"]
