"""Lets SGLang 0.5.23 run on a CPU without AVX-512 from PyPI's packages, none of which is edited.

Python imports a module of this name first thing in every process whose PYTHONPATH names this folder: the server's, and
those that it spawns. Each part waits for the import that it concerns.
"""  # noqa: INP001 - a folder for PYTHONPATH, no package

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any


class _Finder(importlib.abc.MetaPathFinder):
    """Calls `around` with a module's own spec when that module is about to be imported."""

    def __init__(
        self,
        concerns: Callable[[str], bool],
        around: Callable[[importlib.machinery.ModuleSpec], None],
    ) -> None:
        self._concerns = concerns
        self._around = around
        self._busy: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: types.ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in self._busy or not self._concerns(fullname):
            return None
        self._busy.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy.discard(fullname)
        if spec is not None:
            self._around(spec)
        return spec


# torchvision from PyPI has its compiled operators linked to CUDA; beside a torch without CUDA they can't be loaded, and
# the import fails where it describes two of them. Declared by name they may be described; SGLang calls neither.
_libraries: list[Any] = []


def _declare_operators(_spec: importlib.machinery.ModuleSpec) -> None:
    import torch  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - heavy: only where it is used

    if torch.version.cuda is None and not _libraries:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _libraries.append(library)  # they are taken back when it is collected


sys.meta_path.insert(0, _Finder(lambda name: name == "torchvision", _declare_operators))


# SGLang's kernels are for CUDA, and for CPUs with AMX. Elsewhere it imports their names and calls none: it asks first.
class _NoKernels(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """An empty package in the kernels' place, last in line: the real one is taken where there is one."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: types.ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in {"sgl_kernel", "sgl_kernel.kvcacheio"}:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__

        def attribute(wanted: str) -> Callable[..., None]:
            if wanted.startswith("__"):
                raise AttributeError(wanted)

            def missing(*_arguments: object, **_options: object) -> None:
                raise NotImplementedError(f"{name}.{wanted} needs a GPU")

            return missing

        module.__dict__["__version__"] = "9999.0"  # SGLang refuses to start with an old one
        module.__dict__["__getattr__"] = attribute


sys.meta_path.append(_NoKernels())


# The LoRA code asks for pinned memory, which torch refuses without a GPU. torch itself is left as it is for all others:
# its compiler reads the source of its functions, and stumbles over replaced ones.
class _UnpinnedTorch:
    """torch, but its constructors overhear `pin_memory`."""

    _constructors = frozenset({"arange", "empty", "empty_like", "full", "ones", "tensor", "zeros", "zeros_like"})

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._torch, name)
        if name not in self._constructors:
            return real

        def unpinned(*arguments: Any, **options: Any) -> Any:
            options.pop("pin_memory", None)
            return real(*arguments, **options)

        return unpinned


def _unpin(spec: importlib.machinery.ModuleSpec) -> None:
    loader: Any = spec.loader
    if loader is None:  # a folder without an `__init__.py`
        return
    execute = loader.exec_module

    def exec_module(module: types.ModuleType) -> None:
        execute(module)
        torch = module.__dict__.get("torch")
        if isinstance(torch, types.ModuleType) and not torch.cuda.is_available():
            torch.Tensor.pin_memory = lambda tensor, *_arguments, **_options: tensor
            module.__dict__["torch"] = _UnpinnedTorch(torch)

    loader.exec_module = exec_module


sys.meta_path.insert(0, _Finder(lambda name: name.startswith("sglang.srt.lora."), _unpin))
