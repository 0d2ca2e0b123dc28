"""The product's pages. They know no passwords: whoever gives a name is signed in under it."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.product.back_end import BackEnd, RefusedError, metrics, plans_for_sale
from infra.stripe_standin.pages.document import STYLE

if TYPE_CHECKING:
    from infra.local.customer import Json

START, PRICING = "/start", "/pricing"
COOKIE = "product_user"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
LIVES = frozenset({"trialing", "active", "past_due", "unpaid", "paused"})
FACILITIES = ("north", "south")
MOST_AT_ONCE = 100_000
# A renewal is a draft for an hour; then it is final, and paid.
FINALISATION = timedelta(hours=2)
A_DAY, A_WEEK = timedelta(days=1), timedelta(weeks=1)

type Fields = dict[str, str]


class ProductPages:
    """Serves the pages.

    Args:
        back_end: What asks Tollkeeper.
        origin: Where browsers reach the pages, without a trailing slash.
    """

    def __init__(self, back_end: BackEnd, origin: str) -> None:
        self._back_end = back_end
        self._origin = origin
        templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = templates.get_template("start.html")

    def routes(self) -> list[BaseRoute]:
        """The pages' addresses."""
        return [
            Route(START, self.door, methods=["GET"]),
            Route(START, self.sign_in, methods=["POST"]),
            Route(PRICING, self.pricing, methods=["GET"]),
            Route(START + "/{user}", self.home, methods=["GET"]),
            Route(START + "/{user}/{act}", self.act, methods=["POST"]),
        ]

    async def door(self, _request: Request) -> Response:
        """Ask for a name."""
        return HTMLResponse(self._template.render(style=STYLE, user=None, message="", alert=""))

    async def sign_in(self, request: Request) -> Response:
        """Take any name that makes an address."""
        user = (await _form(request)).get("user", "").strip()
        if not NAME.fullmatch(user):
            alert = "A name of letters, digits, dots, dashes and underscores, please."
            page = self._template.render(style=STYLE, user=None, message="", alert=alert)
            return HTMLResponse(page, status_code=422)
        answer = RedirectResponse(f"{START}/{user}", status_code=303)
        answer.set_cookie(COOKIE, user, httponly=True, samesite="lax")
        return answer

    async def pricing(self, request: Request) -> Response:
        """Lead whoever is signed in to the plans: here the usage page sends those who have none."""
        user = request.cookies.get(COOKIE, "")
        return RedirectResponse(f"{START}/{user}#plans" if NAME.fullmatch(user) else START, status_code=303)

    async def home(self, request: Request) -> Response:
        """Show what a user can do."""
        message = request.query_params.get("message", "")
        return await self._shown(request.path_params["user"], message=message)

    async def act(self, request: Request) -> Response:
        """Do what a button says, and go where that leads."""
        user, fields = request.path_params["user"], await _form(request)
        try:
            match request.path_params["act"]:
                case "subscribe":
                    here = f"{self._origin}{START}/{user}"
                    leads_to = await self._back_end.checkout(user, fields.get("plan", ""), here)
                case "usage-page":
                    leads_to = await self._back_end.usage_page(user)
                case "use":
                    leads_to = _back(user, await self._use(user, fields))
                case "clock":
                    leads_to = _back(user, await self._let_time_pass(user, fields))
                case _:
                    return Response("There is no such button.", status_code=404)
        except RefusedError as refusal:
            return await self._shown(user, alert=str(refusal), status=409)
        return RedirectResponse(leads_to, status_code=303)

    async def _use(self, user: str, fields: Fields) -> str:
        metric, typed = fields.get("metric", ""), fields.get("quantity", "")
        if metric not in metrics() or not typed.isdigit() or not 1 <= int(typed) <= MOST_AT_ONCE:
            raise RefusedError(f"Choose something, and a number from 1 to {MOST_AT_ONCE:,}")
        stands = await self._back_end.use(user, metric, int(typed), fields.get("facility") or None)
        left = "no limit" if stands["limit"] == -1 else f"of {stands['limit']:,} included"
        return f"{metrics()[metric]}: {stands['current']:,} used, {left}"

    async def _let_time_pass(self, user: str, fields: Fields) -> str:
        now = await self._back_end.now()
        match fields.get("by"):
            case "day":
                to = now + A_DAY
            case "week":
                to = now + A_WEEK
            case _:
                end = (await self._back_end.subscription(user))["currentPeriodEnd"]
                to = (datetime.fromisoformat(end) if end else now) + FINALISATION
        await self._back_end.move_clock(to)
        return f"It is {_instant(to)} now"

    async def _shown(self, user: str, *, message: str = "", alert: str = "", status: int = 200) -> Response:
        if not NAME.fullmatch(user):
            return RedirectResponse(START, status_code=303)
        stands: Json = await self._back_end.subscription(user)
        page = self._template.render(
            style=STYLE,
            user=user,
            message=message,
            alert=alert,
            stands=stands,
            lives=stands["status"] in LIVES,
            plans=plans_for_sale(),
            metrics=metrics(),
            facilities=FACILITIES,
            most=MOST_AT_ONCE,
            now=_instant(await self._back_end.now()),
        )
        answer = HTMLResponse(page, status_code=status)
        answer.set_cookie(COOKIE, user, httponly=True, samesite="lax")
        return answer


def _back(user: str, message: str) -> str:
    return f"{START}/{quote(user)}?{urlencode({'message': message})}"


def _instant(instant: datetime) -> str:
    return f"{instant:%-d %B %Y, %H:%M} UTC"


async def _form(request: Request) -> Fields:
    return dict(parse_qsl((await request.body()).decode()))
