"""A stack of small programs under the real guard and supervisor: `python -m ...stub_stack FOLDER PROGRAM...`.

Each PROGRAM is `TIER:NAME:PYTHON`; a service is ready when it has printed "ready", or has ended where its name
begins with "once"; one called "patient" gets ten minutes to stop.
Every change goes to FOLDER/state.json, as the real stack's does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.failures import StackError
from deploy.embedded.guard import watch_over
from deploy.embedded.passwords import write_private
from deploy.embedded.supervisor import Child, Launch, Service, Supervisor


def service(folder: Path, described: str) -> Service:
    tier, name, program = described.split(":", 2)

    def launch() -> Launch:
        return Launch(command=(sys.executable, "-c", program), environment=dict(os.environ), cwd=folder)

    return Service(
        name=name,
        tier=int(tier),
        launch=launch,
        ready=lambda log, _seconds: "ready" in log,
        once=name.startswith("once"),
        stop_seconds=600.0 if name == "patient" else 1.0,
        start_seconds=90.0,
    )


def main() -> int:
    folder = Path(sys.argv[1])

    def body(guard: int) -> int:
        def report(state: str, children: Sequence[Child]) -> None:
            described = {
                child.service.name: {
                    "state": child.state.value,
                    "restarts": child.restarts,
                    "pid": child.process.pid if child.process else 0,
                }
                for child in children
            }
            pids = {"guard": guard, "supervisor": os.getpid()}
            write_private(folder / "state.json", json.dumps({"state": state, **pids, "processes": described}))

        try:
            Supervisor(
                services=[service(folder, described) for described in sys.argv[2:]], logs=folder, report=report
            ).run()
        except StackError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return 0

    return watch_over(body)


if __name__ == "__main__":
    sys.exit(main())
