"""Runs MiniStack so that workers share what they unpack, and that alarms on several metrics can be made.

MiniStack unpacks the layer, some thousands of files, anew for each worker it starts, and starts a worker for
each concurrent call. Here an archive is unpacked once, and each worker gets links to it: what took most of a
cold start, and a gigabyte in all, takes next to nothing.

Its CloudFormation refuses alarms on several metrics. They are made on the first of them: there none rings.
"""

import hashlib
import os
import runpy
import tempfile
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

type Properties = dict[str, Any]

UNPACKED = Path(tempfile.gettempdir()) / "unpacked"


class SharedZipFile(zipfile.ZipFile):
    """An archive that is unpacked once, whoever asks for it."""

    _one_at_a_time = threading.Lock()

    def namelist(self) -> list[str]:
        """Return the top-level entries: what a worker gets, and all of it that need be looked at."""
        return list({name.partition("/")[0] for name in super().namelist()})

    def extractall(
        self,
        path: str | os.PathLike[str] | None = None,
        members: Iterable[str | zipfile.ZipInfo] | None = None,
        pwd: bytes | None = None,
    ) -> None:
        """Fill the folder `path` with links to the archive's top-level entries, unpacked elsewhere."""
        if path is None or members is not None or self.filename is None:
            super().extractall(path, members, pwd)
            return
        shared = UNPACKED / hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()
        with self._one_at_a_time:
            if not shared.exists():
                super().extractall(shared, super().namelist(), pwd)
        for entry in shared.iterdir():
            (Path(path) / entry.name).symlink_to(entry)


def on_its_first_metric(alarm: Properties) -> Properties:
    """Return an alarm's properties with the first of its several metrics as its one."""
    stats = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    if not stats:
        return alarm
    first = stats[0]
    others = {name: value for name, value in alarm.items() if name != "Metrics"}
    return {**others, **first["Metric"], "Statistic": first["Stat"], "Period": first["Period"]}


if __name__ == "__main__":
    zipfile.ZipFile = SharedZipFile  # type: ignore[misc]
    made = provisioners._cw_metric_alarm_record  # noqa: SLF001 - where it refuses
    provisioners._cw_metric_alarm_record = lambda name, alarm: made(name, on_its_first_metric(alarm))  # noqa: SLF001 - the same
    runpy.run_module("ministack", run_name="__main__")
