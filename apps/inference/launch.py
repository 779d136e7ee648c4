"""How a profile's server is started: SGLang's command line, or the same as a file for docker compose.

Keys are never on a command line, where everybody on the machine can read them: the server takes them from a file by
`--config`, and the router, which has no such option, through `deploy/sglang/router.py`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.common.errors import TerminalError
from apps.inference.profiles import FlagValue, Launch, Profile, suffix_of

PORT = 30000
METRICS_PORT = 29000
_MODEL = "${MODEL_PATH}"


class NotLaunchableError(TerminalError):
    """There is no way to start a server of this profile; the message says why."""

    code = "not_launchable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server finds and puts things. `keys` is a YAML file with `api-key` and `admin-api-key`."""

    model: str
    keys: str = "/etc/quire/sglang-keys.yaml"
    host: str = "127.0.0.1"
    port: int = PORT


def flags(profile: Profile) -> dict[str, FlagValue]:
    """Return the flags that a profile's server is started with: what its facts say, then its own.

    Raises NotLaunchableError.
    """
    launch = _launch(profile)
    facts: dict[str, FlagValue] = {"tp-size": max(profile.gpus, 1), "context-length": profile.context}
    if profile.images is not None:
        facts["enable-multimodal"] = True
        if profile.images.per_request is not None:
            facts["limit-mm-data-per-request"] = {"image": profile.images.per_request}
    if profile.lora:
        facts["enable-lora"] = True
    return facts | dict(launch.flags)


def server_command(profile: Profile, *, place: Place) -> list[str]:
    """Return the words of the command that starts one server. Raises NotLaunchableError."""
    command = ["sglang", "serve", "--config", place.keys, "--model-path", place.model]
    command += ["--served-model-name", profile.name, "--host", place.host, "--port", str(place.port)]
    return command + _words(flags(profile))


def router_command(*, workers: Sequence[str], place: Place, metrics_port: int = METRICS_PORT) -> list[str]:
    """Return the words of the command that starts SGLang's router before several servers.

    Retries are the pipeline's: a router that tries again by itself would hide that the servers are full.
    """
    command = ["python3", "deploy/sglang/router.py", place.keys, "--host", place.host, "--port", str(place.port)]
    command += ["--policy", "cache_aware", "--disable-retries"]
    # By itself it shows its metrics at every address.
    command += ["--prometheus-host", place.host, "--prometheus-port", str(metrics_port)]
    return [*command, "--worker-urls", *workers]


def _launch(profile: Profile) -> Launch:
    if profile.launch is None:
        raise NotLaunchableError(f"the profile '{profile.name}' is for servers that run already: Quire can't start one")
    return profile.launch


def _words(flags: Mapping[str, FlagValue]) -> list[str]:
    words: list[str] = []
    for name, value in flags.items():
        match value:
            case False:
                pass
            case True:
                words.append(f"--{name}")
            case dict():
                words += [f"--{name}", json.dumps(value)]
            case list():
                words += [f"--{name}", *value]
            case int() | Decimal() | str():
                words += [f"--{name}", str(value)]
    return words


def shell(command: Sequence[str]) -> str:
    """Return a command as one writes it in a shell, an option a line."""
    lines: list[list[str]] = [[]]
    for word in command:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(word)
    return " \\\n  ".join(shlex.join(line) for line in lines)


def compose(profile: Profile) -> str:
    """Return the file for docker compose that starts a profile's servers. Raises NotLaunchableError."""
    replicas = _launch(profile).replicas
    gpus = max(profile.gpus, 1)
    servers = ["server"] if replicas == 1 else [f"server-{number}" for number in range(replicas)]
    inside = Place(model=_MODEL, keys="/run/secrets/sglang-keys.yaml", host="0.0.0.0")  # noqa: S104 - in the container
    lines = [
        f"# {profile.title}: {profile.licence}; {profile.hardware}.",
        f"# Written by `quire models launch {profile.name} --compose`: change apps/inference/profiles.toml, not this.",
        "# Two keys in a file that only its owner may read, two lines, `api-key: ...` and `admin-api-key: ...`:",
        "#   KEYS=/etc/quire/sglang-keys.yaml docker compose -f deploy/sglang/compose." + f"{profile.name}.yaml up -d",
        f"# Quire finds it by QUIRE_INFERENCE_URL{suffix_of(profile.name)}=http://127.0.0.1:{PORT}; as the house's own",
        f"# by QUIRE_INFERENCE_URL with QUIRE_INFERENCE_PROFILE={profile.name}.",
        "x-sglang: &sglang",
        "  image: ${SGLANG_IMAGE:-lmsysorg/sglang:v0.5.23}",
        "  restart: unless-stopped",
        "  ipc: host",
        "  ulimits: {memlock: -1, stack: 67108864}",
        "  secrets: [{source: keys, target: sglang-keys.yaml}]",
        "x-server: &server",
        "  <<: *sglang",
        "  volumes: ['${MODELS:-models}:/root/.cache/huggingface']",
        "  command:",
        *_yaml_words(_with_model(server_command(profile, place=inside), profile)),
        "services:",
    ]
    for number, name in enumerate(servers):
        devices = ", ".join(f"'{number * gpus + gpu}'" for gpu in range(gpus))
        lines += [f"  {name}:", "    <<: *server"]
        # Several are published to this machine alone, for what the router doesn't hand on: settings and metrics.
        published = f"${{PUBLISH:-127.0.0.1:{PORT}}}" if replicas == 1 else f"127.0.0.1:{PORT + 1 + number}"
        lines.append(f"    ports: ['{published}:{PORT}']")
        lines.append(
            "    deploy: {resources: {reservations: {devices: "
            f"[{{driver: nvidia, device_ids: [{devices}], capabilities: [gpu]}}]}}}}}}"
        )
    if replicas > 1:
        router = router_command(workers=[f"http://{name}:{PORT}" for name in servers], place=inside)
        lines += [
            "  router:",
            "    <<: *sglang",
            "    volumes: ['./router.py:/quire/deploy/sglang/router.py:ro']",
            "    working_dir: /quire",
            f"    depends_on: [{', '.join(servers)}]",
            f"    ports: ['${{PUBLISH:-127.0.0.1:{PORT}}}:{PORT}', '127.0.0.1:{METRICS_PORT}:{METRICS_PORT}']",
            "    command:",
            *("  " + line for line in _yaml_words(router)),
        ]
    lines += [
        "secrets:",
        "  keys: {file: '${KEYS:?a file with api-key and admin-api-key}'}",
        "volumes:",
        "  models:",
    ]
    return "\n".join(lines) + "\n"


def _with_model(command: Sequence[str], profile: Profile) -> list[str]:
    """Put compose's variable where the model's name stands: a site may keep the weights in a folder."""
    fallback = f":-{profile.repository}" if profile.repository else ":?the folder of the licensed weights"
    return [word.replace(_MODEL, f"${{MODEL_PATH{fallback}}}") for word in command]


def _yaml_words(words: Sequence[str]) -> list[str]:
    """Return a list in YAML: JSON's strings are YAML's."""
    return [f"  - {json.dumps(word)}" for word in words]
