"""The product's back end: what it asks of Tollkeeper for whoever is signed in."""

import tomllib
import uuid
from dataclasses import dataclass
from datetime import datetime

import httpx

from infra.local import issuer
from infra.local.customer import TIMEOUT, Json
from infra.local.edition import SHIPPED
from infra.local.places import Home


class RefusedError(Exception):
    """Tollkeeper said no; the message says why."""


@dataclass(frozen=True, slots=True)
class PlanForSale:
    """A plan of the catalogue that costs something; `price` a month in the currency's main unit."""

    name: str
    display_name: str
    price: float


@dataclass(frozen=True, slots=True)
class BackEnd:
    """Calls the public API of the stack that runs in a folder.

    Every method raises RefusedError when the answer is a no.
    """

    home: Home

    async def subscription(self, user: str) -> Json:
        """Return where a user stands."""
        return await self._ask("GET", "/subscription", user=user)

    async def checkout(self, user: str, plan: str, here: str) -> str:
        """Return the page on which a user pays for a plan; it leads back here."""
        body = {"plan": plan, "successUrl": here, "cancelUrl": here}
        return str((await self._ask("POST", "/checkout", body, user=user))["url"])

    async def usage_page(self, user: str) -> str:
        """Return a link, good once, that lets a user's browser into their usage page."""
        return str((await self._ask("POST", "/dashboard-link", user=user))["url"])

    async def use(self, user: str, metric: str, quantity: int, facility: str | None) -> Json:
        """Consume, and return where the user stands then."""
        body = {"userId": user, "id": f"click-{uuid.uuid4().hex[:12]}", "quantity": quantity}
        return await self._ask(
            "POST", f"/quota/{metric}/consume", body | ({"facilityId": facility} if facility else {})
        )

    async def now(self) -> datetime:
        """Return what time it is for the stack."""
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            clock = await client.get(f"{self.home.stack.stripe}/_sandbox/clock")
        return datetime.fromisoformat(clock.json()["now"])

    async def move_clock(self, to: datetime) -> None:
        """Let time pass; returns when everything due until then has happened."""
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            url = f"{self.home.stack.stripe}/_sandbox/clock"
            answer = await client.put(url, json={"now": to.isoformat()})
        if not answer.is_success:
            raise RefusedError(answer.text)

    async def _ask(
        self, method: str, path: str, body: Json | None = None, *, user: str | None = None
    ) -> Json:
        stack, key = self.home.stack, self.home.signing_key
        token = (
            issuer.user_token(key, stack.issuer, user) if user else issuer.service_token(key, stack.issuer)
        )
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(headers=headers, timeout=TIMEOUT, trust_env=False) as client:
            answer = await client.request(method, stack.api + path, json=body)
        said: Json = answer.json()
        if not answer.is_success:
            raise RefusedError(f"{said.get('error')}: {said.get('message')}")
        return said


def plans_for_sale() -> list[PlanForSale]:
    """Return what the catalogue sells, in its order."""
    plans = tomllib.loads(SHIPPED.read_text())["plans"]
    return [
        PlanForSale(name, each["display_name"], each["price"])
        for name, each in plans.items()
        if each["price"]
    ]


def metrics() -> dict[str, str]:
    """Return what the catalogue counts: each metric's name and what people read."""
    return {
        name: str(each["display_name"])
        for name, each in tomllib.loads(SHIPPED.read_text())["metrics"].items()
    }
