"""What a browser sends that is no API call: cookies, forms, and the address at which it found us."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from hmac import new as keyed_digest
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tollkeeper.api.requests import read_body
from tollkeeper.ledger.sessions import Opened, Session, Ticket

COOKIE = "tollkeeper_page"
PAGE = "/dashboard"
MOST_FORM_BYTES = 4_096
LONGEST_KEY = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where the usage page is, as the browser sees it. `is_secure` is False on the loopback address alone."""

    url: str
    is_secure: bool

    @classmethod
    def of(cls, event: Mapping[str, Any], *, local: bool) -> "Address":
        """Read it of a request to one of the page's routes: by API Gateway's own word of its domain.

        A custom domain may put a path before it. The emulator of the local stage speaks HTTP, on the port
        that the caller used.
        """
        domain = event["requestContext"]["domainName"]
        before = str(event["rawPath"]).rpartition(PAGE)[0]
        if not local:
            return cls(f"https://{domain}{before}{PAGE}", is_secure=True)
        port = str((event.get("headers") or {}).get("host", "")).rpartition(":")[2]
        return cls(f"http://{domain}{':' + port if port.isdigit() else ''}{before}{PAGE}", is_secure=False)

    @property
    def origin(self) -> str:
        """Scheme and host, as a browser names where a page is of."""
        return "/".join(self.url.split("/", 3)[:3])

    @property
    def path(self) -> str:
        """The page's path, below which the cookie is sent and nowhere else."""
        return "/" + self.url.split("/", 3)[3]

    def link(self, secret: str) -> str:
        """Return the page's address with a link's secret."""
        return f"{self.url}?{urlencode({'link': secret})}"

    def cookie(self, ticket: Ticket | None, lifetime: timedelta) -> str:
        """Return the cookie that a browser is to show from now on; one without a ticket takes it away."""
        secure = "; Secure" if self.is_secure else ""
        seconds = int(lifetime.total_seconds())
        shown = f"{ticket.secret}.{_spelled(ticket.user_id)}" if ticket else ""
        return f"{COOKIE}={shown}; Path={self.path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that was let in: as whom, under which secret, at which address, what it sent and reads."""

    opened: Opened
    secret: str
    address: Address
    fields: Mapping[str, str]
    languages: str | None

    @property
    def session(self) -> Session:
        """Whom it is let in as, and with which right."""
        return self.opened.session

    @property
    def user(self) -> str:
        """The user whose page it is."""
        return self.session.user_id

    @property
    def key(self) -> str | None:
        """What a form is known by that is sent twice."""
        return self.fields.get("key", "")[:LONGEST_KEY] or None

    @property
    def cursor(self) -> str | None:
        """Where a list goes on."""
        return self.fields.get("cursor") or None

    @property
    def part(self) -> int:
        """Which part of a long table is asked for."""
        sent = self.fields.get("part", "")
        return int(sent) if re.fullmatch("[1-9][0-9]{0,5}", sent) else 1

    def here(self, name: str, **changes: str | None) -> str:
        """Return the address of a neighbouring page, for the same question but for what changes."""
        fields = {**self.fields, **changes}
        return f"{name}?{urlencode({key: value for key, value in fields.items() if value is not None})}"


def ticket(event: Mapping[str, Any]) -> Ticket:
    """Return the ticket that a browser shows; without one of ours, one that lets nobody in."""
    header = (event.get("headers") or {}).get("cookie", "")
    sent: list[str] = event.get("cookies") or header.split(";")
    shown = next((value for name, value in map(_parted, sent) if name == COOKIE), "")
    secret, _, named = shown.partition(".")
    try:
        return Ticket(urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode(), secret)
    except ValueError:
        return Ticket("", secret)


def _parted(cookie: str) -> tuple[str, str]:
    name, _, value = cookie.strip().partition("=")
    return name, value


def _spelled(user_id: str) -> str:
    """Write a user's id in the letters of a cookie."""
    return urlsafe_b64encode(user_id.encode()).decode().rstrip("=")


def form_fields(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the fields of a form; of a field that was sent more than once, the last.

    Raises:
        TooLargeError, InvalidFieldError: it is none of ours.
    """
    return dict(parse_qsl(read_body(event, MOST_FORM_BYTES), keep_blank_values=True))


def query(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the fields of an address."""
    return event.get("queryStringParameters") or {}


def languages(event: Mapping[str, Any]) -> str | None:
    """Return which languages a browser says that its user reads, best first."""
    return (event.get("headers") or {}).get("accept-language")


def csrf_token(secret: str) -> str:
    """Return what the forms of a session carry: whoever cannot read its pages cannot make it up."""
    return keyed_digest(secret.encode(errors="replace"), b"the forms of this session", sha256).hexdigest()


def is_from_our_page(event: Mapping[str, Any], fields: Mapping[str, str], secret: str, origin: str) -> bool:
    """Whether a form was sent from a page of this session, and not from somebody else's.

    Browsers name no origin of pages that send no referrer, as ours do not: then the token alone decides.
    """
    said = (event.get("headers") or {}).get("origin")
    sent = fields.get("csrf", "").encode(errors="replace")
    return said in {None, "null", origin} and compare_digest(sent, csrf_token(secret).encode())
