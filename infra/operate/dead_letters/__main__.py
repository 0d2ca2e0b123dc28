"""`python -m infra.operate.dead_letters list|redrive [--queue NAME] [--stack NAME] [--reason TEXT]`."""

import argparse
import sys
from collections.abc import Callable
from typing import NamedTuple

import boto3

from infra.operate.dead_letters.letters import DeadLetterQueue
from infra.operate.dead_letters.stream import Announcer, Stream
from infra.operate.dead_letters.ways_back import Changes, NotRedrivenError, StripeEvents, Usage, WayBack

DEFAULT_STACK = "tollkeeper-dev"
LONGEST_LINE = 200
QUEUES = ("usage", "stripe", "stream")

type Resource = Callable[[str], str]
"""Says what a resource of the stack is called in AWS, by its name in template.yaml."""


class Choice(NamedTuple):
    """A queue of dead letters, and the way back from it."""

    letters: DeadLetterQueue
    way_back: WayBack


class Outcome(NamedTuple):
    """What became of a queue's letters, in numbers."""

    chosen: int
    redriven: int
    others: int


def main() -> int:
    """Show the dead letters, or have them tried again; 1 if one of those could not be."""
    parser = argparse.ArgumentParser(prog="python -m infra.operate.dead_letters")
    parser.add_argument("command", choices=("list", "redrive"))
    parser.add_argument("--queue", choices=QUEUES, default="usage", help="whose letters")
    parser.add_argument("--stack", default=DEFAULT_STACK, help="the deployed stack")
    parser.add_argument("--reason", default="", help="only letters whose reason contains this text")
    arguments = parser.parse_args()
    redrives = arguments.command == "redrive"
    outcome = go_through(
        choose(arguments.queue, resources_of(arguments.stack)), arguments.reason, redrives=redrives
    )
    done = f"{outcome.redriven} sent again" if redrives else f"{outcome.chosen} waiting"
    print(done + (f", {outcome.others} for other reasons left alone" if outcome.others else ""))
    return int(redrives and outcome.redriven < outcome.chosen)


def go_through(choice: Choice, reason: str, *, redrives: bool) -> Outcome:
    """Print the letters whose reason contains a text, and have them tried again if that is wanted.

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
        print(f"{letter.sent_at:%Y-%m-%d %H:%M:%S}Z  {why}\n    {_short(way_back.describe(letter))}")
        if not redrives:
            queue.put_back(letter)
            continue
        try:
            way_back.redrive(letter)
        except NotRedrivenError as error:
            print(f"    It stays: {error}", file=sys.stderr)
            queue.put_back(letter)
        else:
            queue.take_away(letter)
            redriven += 1
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


def resources_of(stack: str) -> Resource:
    """Return what says how the resources of a stack are called in AWS."""
    formation = boto3.client("cloudformation")

    def resource(name: str) -> str:
        found = formation.describe_stack_resource(StackName=stack, LogicalResourceId=name)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    return resource


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


if __name__ == "__main__":
    sys.exit(main())
