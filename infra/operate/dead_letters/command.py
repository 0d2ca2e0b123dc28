"""`tollkeeper dead-letters` and `tollkeeper redrive`: look at what could not be done, and have it done."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import boto3
import click
from rich.console import Console

from infra.operate import options
from infra.operate.answers import Answer, Format, give
from infra.operate.dead_letters.letters import DeadLetterQueue, Letter
from infra.operate.dead_letters.stream import Announcer, Stream
from infra.operate.dead_letters.ways_back import Changes, NotRedrivenError, StripeEvents, Usage, WayBack
from infra.operate.exits import Exit
from infra.operate.stacks import Stack
from tollkeeper.rules.times import iso

LONGEST_LINE = 200
QUEUES = ("usage", "stripe", "stream")
COLUMNS = ("queue", "sentAt", "reason", "what", "fate", "because")

type Resource = Callable[[str], str]
"""Says what a resource of the stack is called in AWS, by its name in template.yaml."""


class Choice(NamedTuple):
    """A queue of dead letters, and the way back from it."""

    letters: DeadLetterQueue
    way_back: WayBack


class Fate(StrEnum):
    """What became of a letter."""

    WAITING = "waiting"
    SENT = "sent again"
    STAYED = "stayed"


class Told(NamedTuple):
    """A letter, what became of it, and why if it was tried and stayed."""

    letter: Letter
    reason: str
    what: str
    fate: Fate
    because: str | None = None


class Outcome(NamedTuple):
    """What became of a queue's letters, in numbers."""

    chosen: int
    redriven: int
    others: int


def _queues(command: options.Command) -> options.Command:
    queue = click.option(
        "--queue",
        type=click.Choice([*QUEUES, "all"]),
        default="all",
        show_default=True,
        help="Whose letters.",
    )
    reason = click.option("--reason", default="", help="Only letters whose reason contains this text.")
    return queue(reason(command))


@click.command("dead-letters")
@options.stack
@_queues
@options.form
def dead_letters(stack_name: str, queue: str, reason: str, form: Format) -> Exit:
    """Show what could not be counted, followed or announced, each with its reason."""
    return give(gone_through(Stack.find(stack_name), queue, reason, redrives=False), form)


@click.command()
@options.stack
@options.prod
@_queues
@options.form
def redrive(stack_name: str, queue: str, reason: str, form: Format, *, prod: bool) -> Exit:
    """Have it done, once its cause is mended. What was done already is not done twice."""
    stack = Stack.find(stack_name)
    stack.require_said(prod=prod)
    return give(gone_through(stack, queue, reason, redrives=True), form)


def gone_through(stack: Stack, queue: str, reason: str, *, redrives: bool) -> Answer:
    """Go through the letters of one queue, or of all, and return what became of each."""
    told: list[tuple[str, Told]] = []
    others = 0
    for name in QUEUES if queue == "all" else (queue,):
        found: list[Told] = []
        outcome = go_through(choose(name, stack.physical_id), reason, found.append, redrives=redrives)
        told += [(name, each) for each in found]
        others += outcome.others
    fates = [each.fate for _, each in told]
    done = f"{fates.count(Fate.SENT)} sent again" if redrives else f"{len(told)} waiting"

    def text(console: Console) -> None:
        for name, each in told:
            console.print(*lines(name, each), sep="\n", soft_wrap=True)
        console.print(done + (f", {others} for other reasons left alone" if others else ""))

    return Answer(
        name="letters",
        columns=COLUMNS,
        rows=[
            (name, iso(each.letter.sent_at), each.reason, each.what, each.fate, each.because)
            for name, each in told
        ],
        text=text,
        sums={"chosen": len(told), "sentAgain": fates.count(Fate.SENT), "others": others},
        is_well=all(fate is Fate.SENT for fate in fates),
    )


def lines(queue: str, told: Told) -> Sequence[str]:
    """Return what is to be read of a letter."""
    what = told.what if len(told.what) <= LONGEST_LINE else f"{told.what[:LONGEST_LINE]}…"
    first = f"{told.letter.sent_at:%Y-%m-%d %H:%M:%S}Z  {queue}: {told.reason}\n    {what}"
    return [first, f"    It stays: {told.because}"] if told.because else [first]


def go_through(choice: Choice, reason: str, tell: Callable[[Told], None], *, redrives: bool) -> Outcome:
    """Tell of the letters whose reason contains a text, and have them tried again if that is wanted.

    The letters are all received before the first is tried: one that fails again comes back as a new letter,
    and would be tried without end.
    """
    queue, way_back = choice
    letters = list(queue.letters())
    chosen = redriven = 0
    for letter in letters:
        why = letter.reason or way_back.unexplained
        if reason not in why:
            queue.put_back(letter)
            continue
        chosen += 1
        fate, because = Fate.WAITING, None
        if redrives:
            try:
                way_back.redrive(letter)
            except NotRedrivenError as error:
                fate, because = Fate.STAYED, str(error)
            else:
                fate = Fate.SENT
                redriven += 1
        if fate is Fate.SENT:
            queue.take_away(letter)
        else:
            queue.put_back(letter)
        tell(Told(letter, why, way_back.describe(letter), fate, because))
    return Outcome(chosen, redriven, len(letters) - chosen)


def choose(name: str, resource: Resource) -> Choice:
    """Return a queue of a stack by the name it has on the command line, and its way back."""
    sqs = boto3.client("sqs")
    way_back: WayBack
    match name:
        case "stripe":
            letters = "StripeEventDeadLetterQueue"
            way_back = StripeEvents(sqs, resource("StripeEventQueue"))
        case "stream":
            letters = "StreamDeadLetterQueue"
            announcer = Announcer(boto3.client("lambda"), resource("Announcer"))
            way_back = Changes(Stream(boto3.client("dynamodbstreams")), announcer)
        case _:
            letters = "UsageDeadLetterQueue"
            way_back = Usage(sqs, resource("UsageQueue"))
    return Choice(DeadLetterQueue(sqs, resource(letters)), way_back)
