"""What on the way to a file keeps this process from reading it: a part that is missing, or may not be entered."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat


def obstacle(path: str) -> str | None:
    """Why `path` cannot be read, as part of a sentence that names what is in the way; None if it can."""
    path = os.path.abspath(path)
    parts = path.split(os.sep)[1:]
    for count in range(len(parts)):
        parent = os.sep + os.sep.join(parts[:count])
        if not os.access(parent, os.X_OK, effective_ids=True):
            return f"{_user()} may not enter the directory {parent} ({_mode(parent)})"
        part = os.path.join(parent, parts[count])
        try:
            os.stat(part)
        except OSError as error:
            if error.errno == errno.ENOENT and os.path.islink(part):
                return f"the symbolic link {part} leads to {os.readlink(part)}, which does not exist"
            return f"{part}: {error.strerror}"
    if os.path.isdir(path) and not os.access(path, os.X_OK, effective_ids=True):
        return f"{_user()} may not enter the directory {path} ({_mode(path)})"
    if not os.access(path, os.R_OK, effective_ids=True):
        return f"{_user()} may not read {path} ({_mode(path)})"
    return None


def obstacle_of(path: str, uid: int, gid: int) -> str | None:
    """The same for another user. Only root may ask."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            os.write(write_end, (obstacle(path) or "").encode(errors="surrogateescape"))
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        answer = pipe.read().decode(errors="surrogateescape")
    os.waitpid(pid, 0)
    return answer or None


def _user() -> str:
    return f"the user {_user_name(os.geteuid())}"


def _mode(path: str) -> str:
    try:
        info = os.stat(path)
    except OSError as error:
        return str(error.strerror)
    return f"{stat.filemode(info.st_mode)}, of {_user_name(info.st_uid)}:{_group_name(info.st_gid)}"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
