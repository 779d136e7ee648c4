"""`make test-sglang`: run the contract tests against a real SGLang server.

Against the one that QUIRE_TEST_INFERENCE_URL names, on whatever hardware it runs; otherwise against the servers of
`make sglang`, which are started for the tests and ended after them unless they were there already.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

from deploy.sglang.cpu import install
from deploy.sglang.cpu.places import PROJECT
from deploy.sglang.cpu.serve import FailedError, last_words, started
from deploy.sglang.cpu.servers import ROUTER, Servers

URL = "QUIRE_TEST_INFERENCE_URL"


def main() -> int:
    """Return pytest's exit code, or 1 when there is no server."""
    with ExitStack() as stack:
        if URL in os.environ:
            named: Mapping[str, str] = {}
        elif install.main() == 0:
            named = _named(stack.enter_context(started())[0])
        else:
            return 1
        environment = os.environ | named
        hosts = {"127.0.0.1", "::1", "localhost", urlsplit(environment[URL]).hostname or ""} - {""}
        command = [sys.executable, "-m", "pytest", "-m", "sglang", "tests/contract"]
        command += [f"--allow-hosts={','.join(sorted(hosts))}", *sys.argv[1:]]
        code = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
        if code != 0 and named:
            # Before the servers end, and say more about that than about what went wrong.
            sys.stderr.write(f"quire: what the servers said last\n{last_words()}\n")
        return code


def _named(servers: Servers) -> dict[str, str]:
    """Return the environment that names the servers to the tests."""
    vision, text, embedding, router = (servers.servers[name] for name in ("vision", "text", "embedding", ROUTER))
    return {
        URL: vision.url,
        "QUIRE_TEST_INFERENCE_KEY": servers.api_key,
        "QUIRE_TEST_LORA_URL": text.url,
        "QUIRE_TEST_LORA_MODEL": text.adapters[0],
        "QUIRE_TEST_ROUTER_URL": router.url,
        "QUIRE_TEST_INFERENCE_ADMIN_KEY": servers.admin_key,
        "QUIRE_TEST_EMBEDDINGS_URL": embedding.url,
        "QUIRE_TEST_EMBEDDINGS_MODEL": embedding.model,
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FailedError as failure:
        sys.stderr.write(f"quire: {failure}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
