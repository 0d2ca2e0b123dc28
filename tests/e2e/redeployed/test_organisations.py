"""Where an organisation pays, on a stack with UserClaim=org_id and BillingClaim=org_role=admin."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from infra.local.customer import UsageRecord
from infra.local.places import WEB_APPLICATION
from infra.local.stack import stripe_client
from tests.e2e.callers import soon
from tests.e2e.stacks import OBSERVED, Business

CHANGES: list[tuple[str, str, dict[str, object] | None]] = [
    ("POST", "/subscription/plan", {"plan": "enterprise"}),
    ("POST", "/subscription/cancel", {"at": "now"}),
    ("POST", "/subscription/resume", None),
    ("PUT", "/subscription/spending-cap", {"amount": 0}),
    ("POST", "/portal", {"returnUrl": f"{WEB_APPLICATION}/account"}),
    ("POST", "/checkout", {"plan": "starter"}),
]
LOOKS = ["/subscription", "/usage", "/invoices", "/subscription/plan/preview?plan=enterprise"]


class Organisation:
    """An organisation that has bought the starter plan, and its members."""

    def __init__(self, business: Business, name: str) -> None:
        self._business = business
        self.name = name
        self.customer = business.organisation(name)
        self.customer.buy("starter")
        self.stripe = stripe_client(business.stack.stripe).v1
        bought = soon(lambda: self.shown("eve"), lambda shown: shown["status"] == "active")
        self.customer_id, self.subscription_id = bought["customerId"], bought["subscriptionId"]

    def member(self, name: str, role: str = "member") -> httpx.Client:
        """Return a client of a member's."""
        return self._business.member(self.name, name, role)

    def shown(self, member: str) -> dict[str, Any]:
        """What `GET /subscription` shows a member without the right to buy."""
        found: dict[str, Any] = self.member(member).get("/subscription").json()
        return found

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        """What Stripe was asked."""
        asked = httpx.get(
            f"{self._business.stack.stripe}/_sandbox/requests",
            params={"method": method, "path": path},
            trust_env=False,
            timeout=60,
        )
        found: list[dict[str, Any]] = asked.json()["requests"]
        return found


@pytest.fixture(scope="module")
def organisation(business: Business) -> Organisation:
    """One for all that is said here; what changes it comes last."""
    business.deploy(OBSERVED)
    return Organisation(business, f"org-{uuid.uuid4().hex[:8]}")


def test_all_members_see_one_subscription_and_one_usage(
    organisation: Organisation, business: Business
) -> None:
    """Whoever of them used it; and nobody of another organisation sees anything of it."""
    now = business.callers.now()
    organisation.customer.report([UsageRecord(uuid.uuid4().hex, "apiCalls", now) for _ in range(7)])
    assert business.callers.consume(organisation.name, "exports", uuid.uuid4().hex, 2).is_success
    shown = soon(lambda: organisation.shown("eve"), lambda found: found["usage"]["apiCalls"] == 7)
    assert (("starter", organisation.subscription_id), (7, 2)) == (
        (shown["plan"], shown["subscriptionId"]),
        (shown["usage"]["apiCalls"], shown["usage"]["exports"]),
    )
    assert organisation.member("ada", "admin").get("/subscription").json() == shown
    stranger = business.member("another", "eve", "admin").get("/subscription").json()
    assert ("free", None, 0) == (stranger["plan"], stranger["customerId"], stranger["usage"]["apiCalls"])


def test_a_member_without_the_billing_right_looks_and_changes_nothing(organisation: Organisation) -> None:
    """403 wherever something is bought, changed or ended; all that shows is shown."""
    before = organisation.stripe.subscriptions.retrieve(organisation.subscription_id).to_dict()
    eve = organisation.member("eve")
    refused = {path: eve.request(method, path, json=body).status_code for method, path, body in CHANGES}
    assert dict.fromkeys(refused, 403) == refused
    assert [200] * len(LOOKS) == [eve.get(path).status_code for path in LOOKS]
    after = organisation.stripe.subscriptions.retrieve(organisation.subscription_id).to_dict()
    assert (before, None) == (after, organisation.shown("eve")["spendingCap"])


def test_a_token_without_the_claim_is_nobodys(organisation: Organisation, business: Business) -> None:
    """401, also for an admin, and for whoever bears the organisation's id as their own name."""
    for claims in ({}, {"org_role": "admin"}, {"org_role": "admin", "org_id": ""}):
        nobody = business.callers.user(organisation.name, **claims)
        refused = {path: nobody.get(path).status_code for path in LOOKS}
        for method, path, body in CHANGES:
            refused[path] = nobody.request(method, path, json=body).status_code
        assert dict.fromkeys(refused, 401) == refused


def test_two_members_at_one_instant_decide_once(organisation: Organisation) -> None:
    """Two who may buy upgrade, each with a double click: it is done once, and paid once."""
    members = [organisation.member(name, "admin") for name in ("ada", "bob")] * 2

    def upgrade(member: httpx.Client) -> int:
        return member.post("/subscription/plan", json={"plan": "professional"}).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(upgrade, members)]
    assert {200} <= {*answers} <= {200, 409, 503}
    asked = organisation.requests("POST", f"/v1/subscriptions/{organisation.subscription_id}")
    assert 1 == len({each["idempotencyKey"] for each in asked})
    invoices = organisation.stripe.invoices.list({"customer": organisation.customer_id}).data
    assert [("subscription_update", "paid"), ("subscription_create", "paid")] == [
        (each.billing_reason, each.status) for each in invoices
    ]
    assert "professional" == organisation.shown("eve")["plan"]
