"""`python -m infra.local up | redeploy | down | logs | demo | token`."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from rich.console import Console

from infra.local import aws, demo, host, issuer, story
from infra.local.console import console
from infra.local.edition import AS_SHIPPED, SHIPPED, Edition
from infra.local.errors import LocalError
from infra.local.places import Home
from infra.local.processes import alone
from infra.local.product.pages import START
from infra.local.stack import down, redeploy, up


def main() -> int:
    """Run one command and return its exit code."""
    # Being asked to end is like Ctrl-C: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, _end)
    arguments = _parser().parse_args()
    home = Home.chosen()
    try:
        match arguments.command:
            case "up":
                with alone(home.folder, "up"):
                    _up(home, _edition(arguments), arguments)
            case "redeploy":
                with alone(home.folder, "up"):
                    _redeploy(home, _edition(arguments))
            case "down":
                down(home)
            case "logs":
                aws.enter(home.stack.awsEndpoint)
                for line in aws.function_logs():
                    print(line)
            case "demo":
                with alone(home.folder, "demo"):
                    return demo.run(home)
            case "token":
                print(_token(home, arguments.user))
    except LocalError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _edition(arguments: argparse.Namespace) -> Edition:
    parameters = {}
    for each in arguments.set:
        name, separator, value = each.partition("=")
        if not separator:
            raise LocalError(f"{each} sets nothing. Say --set NAME=VALUE, with a parameter of template.yaml.")
        parameters[name] = value
    return Edition(arguments.catalogue, parameters)


def _up(home: Home, edition: Edition, arguments: argparse.Namespace) -> None:
    was_running = home.running
    if was_running and edition != AS_SHIPPED:
        raise LocalError("A stack is running already. Deploy this onto it with: make redeploy")
    stack = up(home, edition)
    console.print(
        "Already running." if was_running else "[bold green]Running.[/]",
        f"[bold]API[/]      {stack.api}",
        f"[bold]Stripe[/]   {stack.stripe}  (the stand-in)",
        f"[bold]Start[/]    {stack.stripe}{START}  (open it: sign up, subscribe, use, see what it costs)",
        f"All addresses: {home.stack_file}",
        "What comes in, waits and is wrong: make status STACK=local. Stop it: make down",
        "Call it, with the commands of the documents as they stand there:",
        f"  export API='{stack.api}' SERVICE_TOKEN=$(make token SERVICE=1) USER_TOKEN=$(make token USER=ada)",
        sep="\n",
    )
    if arguments.story:
        _story(home)
    if arguments.host:
        _host(home)


def _redeploy(home: Home, edition: Edition) -> None:
    stack = redeploy(home, edition)
    host_is_new = host.deploy_again(home)
    console.print(
        f"[bold green]Deployed again[/], {edition}. What the stack holds lives on, at the same addresses.",
        f"[bold]API[/]      {stack.api}",
        *(["The example host was started anew, with the same catalogue."] if host_is_new else []),
        sep="\n",
    )


def _story(home: Home) -> None:
    stack = home.stack
    story.live(home, stack)
    console.print(
        f"[bold]Story[/]    {stack.stripe}{START}/{story.USER}  (a customer with a month behind her)"
    )


def _host(home: Home) -> None:
    address = host.start(home)
    console.print(
        f"[bold]Host[/]     {address}  (an example: each request that its route map knows counts)",
        f"curl {address}/api/designs -H 'x-user: ada' --json '{{\"name\": \"one\"}}'",
        f'curl {home.stack.api}/subscription -H "authorization: Bearer $(make token USER=ada)"',
        sep="\n",
        soft_wrap=True,
        highlight=False,
    )


def _token(home: Home, user: str | None) -> str:
    stack = home.stack
    if user is None:
        return issuer.service_token(home.signing_key, stack.issuer)
    return issuer.user_token(home.signing_key, stack.issuer, user)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="The stack on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    started = commands.add_parser("up", help="deploy and leave running")
    started.add_argument("--host", action="store_true", help="with an example host that it meters")
    started.add_argument("--story", action="store_true", help="with a customer who has a month behind them")
    again = commands.add_parser("redeploy", help="deploy again onto the running stack, which keeps its data")
    for deployed in (started, again):
        deployed.add_argument("--catalogue", type=Path, default=SHIPPED, metavar="FILE", help="sell this")
        deployed.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of template.yaml"
        )
    commands.add_parser("down", help="stop what up started")
    commands.add_parser("logs", help="print what the functions logged")
    commands.add_parser("demo", help="bill a busy customer on a stack of its own")
    token = commands.add_parser("token", help="print a token for the running stack")
    holder = token.add_mutually_exclusive_group(required=True)
    holder.add_argument("--user", metavar="ID", help="a user's token")
    holder.add_argument("--service", action="store_true", help="a back end's token")
    return parser


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
