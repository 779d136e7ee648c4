"""Where the SGLang server on the CPU keeps its things: all below `.run`, which `make clean` deletes."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[2]
RUN = PROJECT / ".run"
HOME = RUN / "sglang"
VENV = HOME / "venv"
PYTHON = VENV / "bin" / "python"
MODELS = HOME / "models"
LOGS = HOME / "logs"
# URLs, models and keys of the servers that run: there while they do.
SERVERS = RUN / "sglang.json"
# On every interpreter's path in the environment: its `sitecustomize` is imported before anything else.
SHIM = HERE / "shim"
# What says that no GPU is looked for, nothing is fetched, and no compiler is needed.
ENVIRONMENT = {
    "SGLANG_USE_CPU_ENGINE": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TORCHDYNAMO_DISABLE": "1",
    "SGLANG_DISABLE_OUTLINES_DISK_CACHE": "1",
    "OMP_NUM_THREADS": "2",
    # Each server is several processes, and each would compile the same thousands of modules anew.
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPATH": str(SHIM),
}
