"""Whether what a user is shown of their subscription ever goes back to what Stripe said before (rule 10)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

type Word = tuple[str, datetime | None, bool]
"""A subscription's status, the end of its trial, and whether it is to end."""

ENDED = ("canceled", "incomplete_expired")


def words(told: Sequence[Mapping[str, Any]]) -> Mapping[str, list[Word]]:
    """Return what Stripe said of each subscription, each time something else, the oldest first."""
    found: dict[str, list[Word]] = defaultdict(list)
    for each in told:
        subscription = each["subscription"]
        trial_end = subscription["trial_end"]
        word = (
            str(subscription["status"]),
            datetime.fromtimestamp(trial_end, UTC) if trial_end else None,
            subscription["cancel_at"] is not None or bool(subscription["cancel_at_period_end"]),
        )
        if [word] != found[subscription["id"]][-1:]:
            found[subscription["id"]].append(word)
    return found


def gone_back(
    looks: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]], seen: dict[str, int]
) -> Iterator[str]:
    """Return where somebody was shown again what Stripe had taken back before: the rest of a user's looks.

    Whatever is believed instead of asked shows here: who asks never hears an older word after a newer one.
    """
    known = words(told)
    heard: dict[str, int] = {}
    for entry in looks:
        body = entry["answer"]
        name = body["subscriptionId"]
        if not name or name not in known:
            continue
        shown = _shown(body)
        if shown[2] and body["cancelAt"] and datetime.fromisoformat(body["cancelAt"]) <= _at(entry):
            continue  # its user ended it at once, which Stripe has yet to hear
        seen["words of Stripe's shown"] = seen.get("words of Stripe's shown", 0) + 1
        since = heard.get(name, 0)
        later = [number for number in range(since, len(known[name])) if _is(known[name][number], shown)]
        if later:
            heard[name] = later[0]
        else:
            whose = f"{entry['body']['userId']} was shown {name}"
            yield f"{whose} as {shown} at {entry['at']}, which it was before"
            return


def _shown(body: Mapping[str, Any]) -> Word:
    end = body["trial"]["endsAt"]
    return str(body["status"]), datetime.fromisoformat(end) if end else None, body["cancelAt"] is not None


def _is(word: Word, shown: Word) -> bool:
    if word[0] in ENDED or shown[0] in ENDED:
        return word[0] in ENDED and shown[0] in ENDED
    return word == shown


def _at(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])
