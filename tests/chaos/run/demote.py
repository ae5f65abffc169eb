"""``python demote.py USER COMMAND…``: become that user, then the command. For servers that refuse to run as root."""

from __future__ import annotations

import os
import pwd
import sys

if __name__ == "__main__":
    account = pwd.getpwnam(sys.argv[1])
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.execvp(sys.argv[2], sys.argv[2:])
