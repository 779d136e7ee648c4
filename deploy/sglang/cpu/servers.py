"""The servers: what each is started with, and where it says that it is ready."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.sglang.cpu.places import MODELS, PYTHON, SERVERS

LORA = "clerk"
# One hand's work on two cores: what comes beyond it is refused.
RUNNING = 8
# SGLang's router stands before these.
ROUTER = "router"
ROUTED = ("text", "twin")
QUEUED = 8
_EVERY = (
    *("--device", "cpu", "--attention-backend", "torch_native", "--disable-overlap-schedule"),
    *("--host", "127.0.0.1", "--log-level", "warning", "--random-seed", "0"),
    # A share of the memory that is free, less what is taken while the server starts, by its neighbours too: a small one
    # leaves nothing on a busy machine. The pool of keys and values is bounded by the tokens that are said below.
    *("--mem-fraction-static", "0.8", "--max-running-requests", str(RUNNING)),
    "--enable-metrics",
    "--enable-cache-report",
    # Without it each server keeps half a core busy with waiting.
    "--sleep-on-idle",
)
_GENERATES = (
    *("--max-total-tokens", "140000", "--max-queued-requests", str(QUEUED)),
    # A model without sense would write white space up to the limit of its reply.
    "--constrained-json-disable-any-whitespace",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A server to start: its name, the name of its model and of its folder, what SGLang is told, its adapters."""

    name: str
    model: str
    options: tuple[str, ...]
    adapters: tuple[str, ...] = ()
    # With it, what manages the server is refused to the ordinary key.
    has_admin_key: bool = False

    def command(self, *, port: int, api_key: str, admin_key: str) -> list[str]:
        """Return the command line."""
        command = [str(PYTHON), "-m", "sglang.launch_server", "--model-path", str(MODELS / self.model)]
        command += ["--served-model-name", self.model, "--port", str(port), "--api-key", api_key]
        if self.has_admin_key:
            command += ["--admin-api-key", admin_key]
        for adapter in self.adapters:
            command += ["--enable-lora", "--max-loras-per-batch", "2", "--lora-backend", "torch_native"]
            command += ["--lora-paths", f"{adapter}={MODELS / 'lora'}"]
        return [*command, *_EVERY, *self.options]


LAUNCHES = (
    Launch(name="vision", model="vision", options=("--enable-multimodal", *_GENERATES)),
    Launch(name="text", model="text", options=_GENERATES, adapters=(LORA,), has_admin_key=True),
    Launch(name="twin", model="text", options=_GENERATES, adapters=(LORA,), has_admin_key=True),
    Launch(name="embedding", model="embedding", options=("--is-embedding", "--max-total-tokens", "40000")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that runs. `adapters` are the model names under which LoRA adapters answer."""

    url: str
    model: str
    adapters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The servers by their names, the router among them, and the keys that they take."""

    api_key: str
    admin_key: str
    servers: dict[str, Server]

    def write(self) -> None:
        """Write the file that says that they are ready."""
        draft = SERVERS.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        draft.replace(SERVERS)


def read_servers() -> Servers | None:
    """Return what the file says, None if there is none."""
    try:
        said = json.loads(SERVERS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    servers = {
        name: Server(url=one["url"], model=one["model"], adapters=tuple(one["adapters"]))
        for name, one in said["servers"].items()
    }
    return Servers(api_key=said["api_key"], admin_key=said["admin_key"], servers=servers)


def is_healthy(url: str) -> bool:
    """Say whether a server answers; SGLang's `/health` computes a token for it."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=30) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def routes_to(url: str, *, api_key: str) -> int:
    """Return how many servers a router sends requests to; 0 while it doesn't answer."""
    request = urllib.request.Request(f"{url}/workers", headers={"authorization": f"Bearer {api_key}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own router
            return sum(bool(worker["is_healthy"]) for worker in json.load(answer)["workers"])
    except (urllib.error.URLError, OSError):
        return 0


def log_of(folder: Path, name: str) -> Path:
    """Return where a server's words go."""
    return folder / f"{name}.log"
