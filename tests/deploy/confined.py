"""A program that does what systemd does between fork and exec, as far as anybody may.

Run it with a JSON object: `command` is executed with the listening `socket` as descriptor 3, under
`umask` and, if there is a `filter`, under system call filters as systemd's seccomp switches make them.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
from typing import Any

_LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_EQUAL, _MASKED_EQUAL = 4, 7


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def confine(system_calls: list[str], families: list[str]) -> None:
    """Allow this process and what it executes these system calls alone, and only sockets of `families`.

    No memory can be both written and executed, at once or one after the other (MemoryDenyWriteExecute=).
    """
    seccomp = ctypes.CDLL(_LIBRARY, use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    filters = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_REFUSE)))
    writes, runs = mmap.PROT_WRITE, mmap.PROT_EXEC
    conditions = {
        "socket": [_Comparison(0, _EQUAL, getattr(socket, name)) for name in families],
        "mmap": [_Comparison(2, _MASKED_EQUAL, writes | runs, flags) for flags in (0, writes, runs)],
        "mprotect": [_Comparison(2, _MASKED_EQUAL, runs, 0)],
        "pkey_mprotect": [_Comparison(2, _MASKED_EQUAL, runs, 0)],
    }
    for name in system_calls:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            # Not one of this machine's.
            continue
        for condition in conditions.get(name, [None]):
            count, where = (0, None) if condition is None else (1, ctypes.byref(condition))
            done = seccomp.seccomp_rule_add_array(
                filters, ctypes.c_uint32(_ALLOW), number, ctypes.c_uint(count), where
            )
            if done:
                raise OSError(-done, f"no rule for {name}")
    if done := seccomp.seccomp_load(filters):
        raise OSError(-done, "the filters cannot be set")


def main() -> None:
    """Become the command."""
    spec: dict[str, Any] = json.loads(sys.argv[1])
    os.dup2(spec["socket"], 3)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "watchword"}
    os.umask(spec["umask"])
    if spec["filter"] is not None:
        confine(**spec["filter"])
    os.execv(spec["command"][0], spec["command"])


if __name__ == "__main__":
    main()
