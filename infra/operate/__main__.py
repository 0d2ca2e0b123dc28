"""`tollkeeper`, the command of those who run it: `.venv/bin/tollkeeper`, or `python -m infra.operate`."""

import sys
from collections.abc import Sequence

import click

from infra.operate.adopt.command import adopt
from infra.operate.coverage import coverage
from infra.operate.dead_letters.command import dead_letters, redrive
from infra.operate.exits import FAILURES, Exit, said_of
from infra.operate.keeping.command import erase, migrate, restore
from infra.operate.preflight.command import preflight
from infra.operate.prove.command import prove
from infra.operate.reconcile.command import reconcile
from infra.operate.smoke.command import smoke
from infra.operate.status.command import status
from infra.operate.stripe_catalogue.command import stripe
from infra.operate.sweep import sweep


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 all is well, 1 something is to be seen to, 2 something is to be set or said first, "
    "3 AWS or Stripe gave no answer, 130 stopped.",
)
def tollkeeper() -> None:
    """Run a Tollkeeper that is deployed, or the one that `make up` left running (--stack local)."""


COMMANDS: tuple[click.Command, ...] = (
    *(preflight, stripe, smoke, status),
    *(dead_letters, redrive, sweep, adopt, reconcile, prove, coverage),
    *(migrate, erase, restore),
)
for each in COMMANDS:
    tollkeeper.add_command(each)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code (`Exit`)."""
    try:
        code = tollkeeper.main(
            None if arguments is None else [*arguments], prog_name="tollkeeper", standalone_mode=False
        )
    except click.Abort:
        print("Stopped. Run it again: what is done is not done twice.", file=sys.stderr)
        return Exit.STOPPED
    except click.ClickException as error:
        error.show()
        return Exit.UNFIT
    except FAILURES as error:
        code, said = said_of(error)
        print(said, file=sys.stderr)
    return int(code or Exit.WELL)


if __name__ == "__main__":
    sys.exit(main())
