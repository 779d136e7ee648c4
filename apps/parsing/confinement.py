"""Taking away from a process what a parser doesn't need: network, files, other processes, privileges.

Everything here is Linux by system call through ctypes, in a process with one thread; elsewhere each function says
that it did nothing. Sources: prctl(2), seccomp(2), unshare(2), user_namespaces(7), linux/filter.h, linux/audit.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

PARSER_ID = 64321
"""User and group of a parser that was started by root: in no passwd file, outside the ranges that are handed out, so
that it shares nothing with another service; `nobody` often runs one."""

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER, _CLONE_NEWIPC, _CLONE_NEWNET = 0x10000000, 0x08000000, 0x40000000

_BPF_LOAD, _BPF_JUMP_EQUAL, _BPF_RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # refuse with EPERM
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# What a process needs that only computes on memory, reads what is open and writes to what is open. Not among them:
# open, socket, connect, clone, fork, execve, kill, ptrace, and every other call that takes a path.
_CALLS: dict[str, dict[str, int]] = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10,
        "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17,
        "readv": 19, "writev": 20, "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39,
        "exit": 60, "uname": 63, "fcntl": 72, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100,
        "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "sigaltstack": 131, "gettid": 186, "futex": 202,
        "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
        "clock_nanosleep": 230, "exit_group": 231, "newfstatat": 262, "ppoll": 271, "set_robust_list": 273,
        "getrandom": 318, "membarrier": 324, "rseq": 334,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "mmap": 222, "mprotect": 226, "munmap": 215,
        "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "pread64": 67, "readv": 65,
        "writev": 66, "sched_yield": 124, "mremap": 216, "madvise": 233, "nanosleep": 101, "getpid": 172, "exit": 93,
        "uname": 160, "fcntl": 25, "getrlimit": 163, "getrusage": 165, "sysinfo": 179, "times": 153, "getuid": 174,
        "getgid": 176, "geteuid": 175, "getegid": 177, "sigaltstack": 132, "gettid": 178, "futex": 98,
        "sched_getaffinity": 123, "restart_syscall": 128, "clock_gettime": 113, "clock_getres": 114,
        "clock_nanosleep": 115, "exit_group": 94, "newfstatat": 79, "ppoll": 73, "set_robust_list": 99,
        "getrandom": 278, "membarrier": 283, "rseq": 293,
    },
}  # fmt: skip
_PRLIMIT = {"x86_64": 302, "aarch64": 261}


def leave_network() -> bool:
    """Move this process into a network and IPC namespace of its own that has no interface up."""
    if not _LINUX:
        return False
    unshare = _LIBC.unshare
    namespaces = _CLONE_NEWNET | _CLONE_NEWIPC
    return bool(unshare(namespaces) == 0 or unshare(_CLONE_NEWUSER | namespaces) == 0)


def drop_privileges() -> bool:
    """Give up root for a user that owns nothing, and every way back. Returns whether this process is not root."""
    if os.geteuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setresgid(PARSER_ID, PARSER_ID, PARSER_ID)
            os.setresuid(PARSER_ID, PARSER_ID, PARSER_ID)
    if _LINUX:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _prctl(_PR_SET_DUMPABLE, 0)
    return os.geteuid() != 0


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, of one thread, ends."""
    if _LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def prefer_as_victim() -> None:
    """Have the kernel, when the machine runs out of memory, end this process rather than the one that waits for it."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


def set_limits(*, memory_bytes: int, cpu_seconds: int, cpu_seconds_at_most: int) -> None:
    """Bound this process: address space above what it has now, CPU time, no core file, no growing file.

    `cpu_seconds` ends the process with SIGXCPU; `allow_cpu` can raise it to `cpu_seconds_at_most`.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, 64)
    if _LINUX:
        _lower(resource.RLIMIT_AS, _address_space() + memory_bytes)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds_at_most))


def allow_cpu(*, cpu_seconds: int) -> None:
    """Raise the limit on CPU time, as far as `set_limits` said."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(cpu_seconds, hard), hard))


def forbid_system_calls() -> bool:
    """Leave this process only the system calls that a pure computation needs; others fail with EPERM.

    Returns False where the platform has no such filter.
    """
    if _PROGRAM is None:
        return False
    code = ctypes.create_string_buffer(_PROGRAM)
    header = ctypes.create_string_buffer(struct.pack("@HP", len(_PROGRAM) // 8, ctypes.addressof(code)))
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1) and _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _program() -> bytes | None:
    """Return the filter, struct sock_filter after struct sock_filter, or None for a platform it isn't written for."""
    machine = platform.machine()
    if not _LINUX or machine not in _ARCHITECTURES:
        return None
    calls = sorted(_CALLS[machine].values())
    # seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6], little endian
    program = [
        _instruction(_BPF_LOAD, 0, 0, 4),
        _instruction(_BPF_JUMP_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _instruction(_BPF_RETURN, 0, 0, _REFUSE),
        _instruction(_BPF_LOAD, 0, 0, 0),
        # prlimit64 on itself only: its first argument, a process, is 0
        _instruction(_BPF_JUMP_EQUAL, 0, 6, _PRLIMIT[machine]),
        _instruction(_BPF_LOAD, 0, 0, 16),
        _instruction(_BPF_JUMP_EQUAL, 0, 3, 0),
        _instruction(_BPF_LOAD, 0, 0, 20),
        _instruction(_BPF_JUMP_EQUAL, 0, 1, 0),
        _instruction(_BPF_RETURN, 0, 0, _ALLOW),
        _instruction(_BPF_RETURN, 0, 0, _REFUSE),
    ]
    for position, call in enumerate(calls):
        program.append(_instruction(_BPF_JUMP_EQUAL, len(calls) - position, 0, call))
    program += [_instruction(_BPF_RETURN, 0, 0, _REFUSE), _instruction(_BPF_RETURN, 0, 0, _ALLOW)]
    return b"".join(program)


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    """Return a struct sock_filter."""
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _prctl(option: int, *arguments: int) -> bool:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return bool(_LIBC.prctl(option, *values) == 0)


def _lower(which: int, value: int) -> None:
    _soft, hard = resource.getrlimit(which)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))


def _address_space() -> int:
    """Return the bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


_LIBC = ctypes.CDLL(None, use_errno=True)
_PROGRAM = _program()
