"""`python -m infra.operate.dead_letters list|redrive [--stack NAME] [--reason TEXT]`."""

import argparse
import sys

import boto3

from infra.operate.dead_letters.letters import DeadLetterQueue, Letter

DEFAULT_STACK = "tollkeeper-dev"


def main() -> int:
    """Show the dead letters, or send them again."""
    parser = argparse.ArgumentParser(prog="python -m infra.operate.dead_letters")
    parser.add_argument("command", choices=("list", "redrive"))
    parser.add_argument("--stack", default=DEFAULT_STACK, help="the deployed stack")
    parser.add_argument("--reason", default="", help="only letters whose reason contains this text")
    arguments = parser.parse_args()
    queue = _queue(arguments.stack)
    chosen, others = 0, 0
    held: list[Letter] = []
    for letter in queue.letters():
        wanted = arguments.reason in letter.reason
        if wanted:
            chosen += 1
            print(f"{letter.accepted_at}  {letter.reason}\n    {_short(letter)}")
        else:
            others += 1
        if wanted and arguments.command == "redrive":
            queue.redrive(letter)
        else:
            held.append(letter)
    for letter in held:
        queue.put_back(letter)
    done = "sent again" if arguments.command == "redrive" else "waiting"
    print(f"{chosen} {done}" + (f", {others} for other reasons left alone" if others else ""))
    return 0


def _queue(stack: str) -> DeadLetterQueue:
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
    return DeadLetterQueue(boto3.client("sqs"), outputs["UsageDeadLetterQueueUrl"], outputs["UsageQueueUrl"])


def _short(letter: Letter) -> str:
    text = str(letter.records[0]) if len(letter.records) == 1 else f"{len(letter.records)} records"
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - about two lines


if __name__ == "__main__":
    sys.exit(main())
