"""The table's keys.

| item      | pk                     | sk                                  |
|-----------|------------------------|-------------------------------------|
| user      | USER#user              | PROFILE                             |
| period    | USER#user              | PERIOD#start#owner                  |
| day       | USER#user              | DAY#2025-11-03#facility             |
| page      | USER#user              | PAGE#start#owner#month#time#unique  |
| bill      | USER#user              | BILL#start#owner                    |
| audit     | USER#user              | AUDIT#time#random                   |
| announcement | USER#user           | ANNOUNCEMENT#id                     |
| answer    | USER#user              | ANSWER                              |
| record    | RECORD#user#id         | RECORD                              |
| attempt   | ATTEMPT#message        | ATTEMPT                             |
| backlog   | BACKLOG                | NOTED#time#tracker                  |
| sweep     | SWEEP                  | PROGRESS                            |
| coverage  | COVERAGE#2025-11-03    | TOLD#hour#process                   |
| gap       | COVERAGE               | ANNOUNCEMENT#id                     |
| link      | LINK#digest            | LINK                                |
| session   | SESSION#digest         | SESSION                             |

`owner` of a period is its subscription's id, or `calendar`. A record has a partition of its own, lest history
makes a hot one. PERIOD sorts right before PROFILE: a user and the newest periods come back in one read. Pages
list records of one period and one `month` of their timestamps, so that what was counted of it is together.
"""

from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from zlib import crc32

from tollkeeper.ledger.table import Key
from tollkeeper.rules.periods import Period
from tollkeeper.rules.times import iso, parse_iso

PROFILE = "PROFILE"
CALENDAR = "calendar"
SHARDS = 4


class Range(NamedTuple):
    """Sort keys from the first to the last: `$` is the character after `#`, so none but those asked for."""

    first: str
    last: str


class Due(StrEnum):
    """The work that waits for its time in the sparse index `due`, where a row stands until it is done."""

    ASK = "ASK"
    CLOSE = "CLOSE"
    CHARGE = "CHARGE"
    MIRROR = "MIRROR"
    RECONCILE = "RECONCILE"


def user(user_id: str) -> str:
    """Return the partition that holds all of a user but the records themselves."""
    return f"USER#{user_id}"


def profile(user_id: str) -> Key:
    """Return the key of a user's row."""
    return Key(user(user_id), PROFILE)


def everything() -> Range:
    """Return where all rows of a user's partition stand."""
    return Range(" ", "~")


def of_another(key: Key, user_id: str) -> Key:
    """Return the key of the same row in another user's partition."""
    return Key(user(user_id), key.sk)


def is_bill(key: Key) -> bool:
    """Whether a key is that of a bill."""
    return key.sk.startswith("BILL#")


def is_audit(key: Key) -> bool:
    """Whether a key is that of an audit entry."""
    return key.sk.startswith("AUDIT#")


def is_page(key: Key) -> bool:
    """Whether a key is that of a page of records."""
    return key.sk.startswith("PAGE#")


def read_user(key: Key) -> str:
    """Return the user in whose partition a key is."""
    return key.pk.removeprefix("USER#")


def period_id(period: Period) -> str:
    """Return what names a period among a user's periods."""
    return period_name(period.start, period.subscription_id)


def period_name(start: datetime, subscription_id: str | None) -> str:
    """Return what names a period by its start and its subscription, if it has one."""
    return f"{iso(start)}#{subscription_id or CALENDAR}"


def period_of(user_id: str, start: datetime, subscription_id: str | None) -> Key:
    """Return the key of the row of a period by its start and its subscription, if it has one."""
    return Key(user(user_id), f"PERIOD#{period_name(start, subscription_id)}")


def period(user_id: str, of: Period) -> Key:
    """Return the key of a period's row."""
    return Key(user(user_id), f"PERIOD#{period_id(of)}")


def periods_from(start: datetime) -> Range:
    """Return where a user's periods stand that start at an instant, of every owner."""
    return Range(f"PERIOD#{iso(start)}#", f"PERIOD#{iso(start)}$")


def periods_until(day: date) -> Range:
    """Return where a user's periods stand that start on a day or before."""
    return Range("PERIOD#", f"PERIOD#{day.isoformat()}U")


def period_by_id(user_id: str, name: str) -> Key:
    """Return the key of the row of a period by its name."""
    return Key(user(user_id), f"PERIOD#{name}")


def all_periods() -> Range:
    """Return where a user's periods stand; the user's own row comes right after the last of them."""
    return Range("PERIOD#", PROFILE)


def answer(user_id: str) -> Key:
    """Return the key of what Stripe answered a user's page last."""
    return Key(user(user_id), "ANSWER")


def is_period(key: Key) -> bool:
    """Whether a key is that of a period's row."""
    return key.sk.startswith("PERIOD#")


def has_form(key: Key) -> bool:
    """Whether a key is that of a row whose form is told: a user's, a period's or a bill's."""
    return key.sk == PROFILE or is_period(key) or is_bill(key)


def periods_alone() -> Range:
    """Return where a user's periods stand, without the user's own row."""
    return Range("PERIOD#", "PERIOD$")


def read_period(key: Key) -> tuple[str, datetime, str]:
    """Return the user, the start and the name of the period whose key, or whose bill's, this is."""
    name = key.sk.partition("#")[2]
    return read_user(key), parse_iso(name.partition("#")[0]), name


def read_period_key(key: Key) -> tuple[datetime, str | None]:
    """Return the start and the subscription that a period's key was made of."""
    start, _, owner = key.sk.removeprefix("PERIOD#").partition("#")
    return parse_iso(start), None if owner == CALENDAR else owner


def day(user_id: str, of: date, facility_id: str | None) -> Key:
    """Return the key of the row that sums one day (UTC) of one facility."""
    return Key(user(user_id), f"DAY#{of.isoformat()}#{facility_id or ''}")


def days(first: date, last: date) -> Range:
    """Return where the days from the first to the last stand, of every facility."""
    return Range(f"DAY#{first.isoformat()}#", f"DAY#{last.isoformat()}$")


def read_day(key: Key) -> date:
    """Return the day that a day's key was made of."""
    return date.fromisoformat(key.sk.split("#")[1])


def read_facility(key: Key) -> str | None:
    """Return the facility that a day's key was made of; None where usage named none."""
    return key.sk.split("#", 2)[2] or None


def page(of: Key, billing_month: str, now: datetime, unique: str) -> Key:
    """Return the key of a list of records of a month that were counted in a period, whose key is given."""
    return Key(of.pk, f"PAGE#{read_period(of)[2]}#{billing_month}#{iso(now)}#{unique}")


def read_page(key: Key) -> tuple[Key, str]:
    """Return the period's key and the month that a page's key was made of."""
    start, owner, month = key.sk.split("#")[1:4]
    return Key(key.pk, f"PERIOD#{start}#{owner}"), month


def pages(of: str) -> Range:
    """Return where the pages stand of a period, of all that start at one instant, or of a period's month.

    `of` is the beginning of their keys: `start`, `start#owner` or `start#owner#month`.
    """
    return Range(f"PAGE#{of}#", f"PAGE#{of}$")


def bill(user_id: str, period_id: str) -> Key:
    """Return the key of what a period owes, by the period's name."""
    return Key(user(user_id), f"BILL#{period_id}")


def bills() -> Range:
    """Return where a user's bills stand."""
    return Range("BILL#", "BILL$")


def audit(user_id: str, now: datetime, random: str) -> Key:
    """Return the key of an audit entry."""
    return Key(user(user_id), f"AUDIT#{iso(now)}#{random}")


def audit_trail() -> Range:
    """Return where a user's audit entries stand."""
    return Range("AUDIT#", "AUDIT$")


def announcement(user_id: str | None, announcement_id: str) -> Key:
    """Return the key of an announcement's row; what is of no user is of coverage."""
    return Key("COVERAGE" if user_id is None else user(user_id), f"ANNOUNCEMENT#{announcement_id}")


def is_announcement(key: Key) -> bool:
    """Whether a key is that of an announcement's row."""
    return key.sk.startswith("ANNOUNCEMENT#")


def record(user_id: str, record_id: str) -> Key:
    """Return the key of a usage record; no two pairs of user and id share one."""
    escaped = user_id.replace("%", "%25").replace("#", "%23")
    return Key(f"RECORD#{escaped}#{record_id}", "RECORD")


def read_record(key: Key) -> tuple[str, str]:
    """Return the user and the id that a record's key was made of."""
    _, escaped, record_id = key.pk.split("#", 2)
    return escaped.replace("%23", "#").replace("%25", "%"), record_id


def attempt(message_id: str) -> Key:
    """Return the key of what is remembered of a message that came again and again."""
    return Key(f"ATTEMPT#{message_id}", "ATTEMPT")


def sweep() -> Key:
    """Return the key of how far the sweep has come."""
    return Key("SWEEP", "PROGRESS")


def link(digest: str) -> Key:
    """Return the key of a link to the usage page, by the digest of its secret."""
    return Key(f"LINK#{digest}", "LINK")


def session(digest: str) -> Key:
    """Return the key of a browser's session, by the digest of its secret."""
    return Key(f"SESSION#{digest}", "SESSION")


def backlog(now: datetime, tracker: str) -> Key:
    """Return the key of what a tracker notes of the queue in a minute."""
    return Key("BACKLOG", f"NOTED#{iso(now.replace(second=0, microsecond=0))}#{tracker}")


def backlog_since(start: datetime) -> tuple[str, str, str]:
    """Return the partition and the range of what trackers noted since then."""
    return "BACKLOG", f"NOTED#{iso(start.replace(second=0, microsecond=0))}", "NOTED$"


def coverage(hour: datetime, process: str) -> Key:
    """Return the key of what a process has told of an hour."""
    pk, first, _ = coverage_of(hour)
    return Key(pk, f"{first}{iso(hour)}#{process}")


def coverage_of(day: datetime) -> tuple[str, str, str]:
    """Return the partition and the range of what all processes told of a day."""
    return f"COVERAGE#{day.date().isoformat()}", "TOLD#", "TOLD$"


def shard(kind: Due, user_id: str) -> str:
    """Return the part of the index that holds a user's due work of a kind."""
    return f"{kind}#{crc32(user_id.encode()) % SHARDS}"


def shards(kind: Due) -> Iterator[str]:
    """Return every part of the index that holds due work of a kind."""
    return (f"{kind}#{number}" for number in range(SHARDS))
