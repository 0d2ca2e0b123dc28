"""Chromium: found where the system has it, or installed where that is ours to do.

`python -m tests.browser.chromium` makes sure that it is there: `make test-browser` begins with it.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")
"""Debian's; without a font a page has no words."""

MISSING = (
    "The browser tests need Chromium, and there is none on this machine. Install it (on Debian and Ubuntu: "
    f"sudo apt-get install {' '.join(PACKAGES)}) and start them again; if it has another name than "
    f"{', '.join(NAMES)}, put its path into CHROMIUM."
)


def path() -> str | None:
    """Return where Chromium is: what CHROMIUM names, else what the path has."""
    named = os.environ.get("CHROMIUM")
    return next((found for each in ([named] if named else NAMES) if (found := shutil.which(each))), None)


def install() -> bool:
    """Install Debian's package, if this is Debian and we are root; return whether that went well."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    commands = ([apt, "update", "-qq"], [apt, "install", "-y", "-qq", "--no-install-recommends", *PACKAGES])
    # Only errors are worth reading; hence all of the output, and only if there is one.
    for command in commands:
        done = subprocess.run(  # noqa: S603 - the commands are ours
            command, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            return False
    return True


if __name__ == "__main__":
    if path() is None and not (install() and path()):
        sys.exit(MISSING)
