"""The book of sessions: links to the usage page, each good once, and the browsers that came by one.

Who holds a secret is let in, so only its digest is kept: whoever reads the table cannot come in by it.
What a browser shows names its user beside the secret, so that one request reads the session and what its page
needs of that user. Whose page it is, the session's row says and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import NamedTuple

from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.answer_rows import Answer, read_answer
from tollkeeper.ledger.table import Cells, Change, Key, Put, Row, Table, TransactionCancelledError, equal
from tollkeeper.rules.times import epoch, parse_iso
from tollkeeper.rules.users import User

LINK_LIFETIME = timedelta(minutes=5)
SESSION_LIFETIME = timedelta(minutes=30)

SECRET_BYTES = 32
LONGEST_SECRET = 64
"""Characters; whatever is longer was never given out, and is not looked for."""

LONGEST_USER_ID = 2_000
"""Bytes: a longer one fits no key."""


class UnknownLinkError(Exception):
    """A link that was never given out, is too old, or was used before."""


class UnknownSessionError(Exception):
    """A session that never began, is over, or was ended."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whom a browser is let in as until when, and whether they may change what is bought."""

    user_id: str
    may_buy: bool
    good_until: datetime


class Ticket(NamedTuple):
    """What a browser shows to be let in: whose page it asks for, and the secret of a session."""

    user_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A session, and what was read with it: its user without periods, and what Stripe answered last."""

    session: Session
    user: User
    answer: Answer


class Sessions:
    """Gives out links, exchanges each for one session, and ends sessions. `now` is by the wall clock."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def link(self, user_id: str, now: datetime, *, may_buy: bool) -> str:
        """Return the secret of a new link for a user: good once, for five minutes.

        Raises:
            TransactionCancelledError, UnavailableError: ask again.
        """
        secret = token_urlsafe(SECRET_BYTES)
        cells = _cells(Session(user_id, may_buy, now + LINK_LIFETIME))
        self._table.transact([Put(keys.link(_digest(secret)), cells)])
        return secret

    def begin(self, link: str, now: datetime) -> Ticket:
        """Return the ticket to a new session, which a link is used up for: of the same user and right.

        Raises:
            UnknownLinkError: it is not good, or not any more.
            TransactionCancelledError, UnavailableError: it may have been used up.
        """
        key = keys.link(_digest(link))
        row = self._row(key, link)
        if row is None or "usedAt" in row or not now < parse_iso(str(row["goodUntil"])):
            raise UnknownLinkError
        secret = token_urlsafe(SECRET_BYTES)
        session = Session(str(row["userId"]), bool(row["mayBuy"]), now + SESSION_LIFETIME)
        used = Change(
            key, set={"usedAt": now}, only_if=[equal("usedAt", None), equal("userId", row["userId"])]
        )
        try:
            self._table.transact([used, Put(keys.session(_digest(secret)), _cells(session))])
        except TransactionCancelledError as error:
            if error.only_by_condition:
                raise UnknownLinkError from error
            raise
        return Ticket(session.user_id, secret)

    def open(self, ticket: Ticket, now: datetime) -> Opened:
        """Return the session that a browser shows the ticket to, with what its page needs, by one request.

        Raises:
            UnknownSessionError: there is none, or no more, or it is of another user than the ticket says.
        """
        user_id, secret = ticket
        if not (_may_be(secret) and _may_name(user_id)):
            raise UnknownSessionError
        wanted = keys.session(_digest(secret)), keys.profile(user_id), keys.answer(user_id)
        found = {Key(str(row["pk"]), str(row["sk"])): row for row in self._table.get_all(wanted)}
        row, profile, said = (found.get(key) for key in wanted)
        if row is None or "endedAt" in row or not now < parse_iso(str(row["goodUntil"])):
            raise UnknownSessionError
        if row["userId"] != user_id:
            raise UnknownSessionError
        session = Session(user_id, bool(row["mayBuy"]), parse_iso(str(row["goodUntil"])))
        return Opened(session, rows.user(user_id, profile, ()), read_answer(said))

    def end(self, secret: str, now: datetime) -> None:
        """End a session before its time; the secret lets nobody in any more.

        Raises:
            TransactionCancelledError, UnavailableError: it may go on.
        """
        key = keys.session(_digest(secret))
        if (row := self._row(key, secret)) is not None:
            self._table.transact(
                [Change(key, set={"endedAt": now}, only_if=[equal("userId", row["userId"])])]
            )

    def _row(self, key: Key, secret: str) -> Row | None:
        if not _may_be(secret):
            return None
        return next(iter(self._table.get_all([key])), None)


def _may_be(secret: str) -> bool:
    return 0 < len(secret) <= LONGEST_SECRET


def _may_name(user_id: str) -> bool:
    """Whether a text can be a user's in a key: DynamoDB refuses one that is too long, and half letters."""
    try:
        return 0 < len(user_id.encode()) <= LONGEST_USER_ID
    except UnicodeEncodeError:
        return False


def _cells(of: Session) -> Cells:
    return {
        "userId": of.user_id,
        "mayBuy": of.may_buy,
        "goodUntil": of.good_until,
        "expiresAt": epoch(of.good_until),
    }


def _digest(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()
