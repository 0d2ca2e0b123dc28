"""`python -m infra.operate.sweep [--stack NAME] [--days N]`: put right now what webhooks missed.

Runs the deployed sweep itself, as its schedule does, so it needs no secret but the right to call it.
"""

import argparse
import json
import sys
from collections import Counter

import boto3
from botocore.config import Config

DEFAULT_STACK = "tollkeeper-dev"
MOST_DAYS = 30
MOST_RUNS = 20
"""So often a sweep is gone on with here; what is then left, its schedule does."""
# The function may run for its whole timeout; boto3 would give up after a minute, and call again.
PATIENT = Config(read_timeout=910, retries={"total_max_attempts": 1})


def main() -> int:
    """Run the sweep, and print what it did; 1 if there was something it could not put right."""
    parser = argparse.ArgumentParser(prog="python -m infra.operate.sweep")
    parser.add_argument("--stack", default=DEFAULT_STACK, help="the deployed stack")
    parser.add_argument("--days", type=int, default=3, choices=range(1, MOST_DAYS + 1), metavar="1…30")
    arguments = parser.parse_args()
    function = boto3.client("cloudformation").describe_stack_resource(
        StackName=arguments.stack, LogicalResourceId="Sweep"
    )["StackResourceDetail"]["PhysicalResourceId"]
    client = boto3.client("lambda", config=PATIENT)
    payload: dict[str, int] = {"days": arguments.days}
    total: Counter[str] = Counter()
    unfinished = True
    for _ in range(MOST_RUNS):
        answer = client.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
        swept = json.load(answer["Payload"])
        if "FunctionError" in answer:
            print(swept.get("errorMessage", swept), file=sys.stderr)
            print("Its schedule goes on within the hour from where it stopped.", file=sys.stderr)
            return 1
        unfinished = bool(swept.pop("unfinished"))
        total.update(swept)
        payload = {}  # the next run goes on where this one stopped
        if not unfinished:
            break
    print(f"{total['repaired']} rows put right, {total['followed']} missed events followed")
    if unfinished:
        print("It is not at its end; its schedule goes on within the hour.", file=sys.stderr)
    if total["failed"]:
        print(f"{total['failed']} could not be put right; the function's log says why", file=sys.stderr)
    return int(unfinished or bool(total["failed"]))


if __name__ == "__main__":
    sys.exit(main())
