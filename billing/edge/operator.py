"""Who carries a command out: the operating system's user, the host and the process, for the record."""

import os
import pwd
import socket


def operator() -> dict[str, str | int]:
    """Return the facts of this process: ``by`` is user@host; a user without a name is named by number."""
    uid = os.geteuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:  # as in a container that runs under any user id
        user = str(uid)
    return {"by": f"{user}@{socket.gethostname()}", "pid": os.getpid()}
