"""The actions of ``manage.py sync``, one module each: ``add_to`` declares an action, ``run`` does it.

Another app adds its own by an `ACTIONS` in a ``management.sync`` of its own.
"""

from thirdparty.management.sync import (
    alerts,
    audit,
    backfill,
    canary,
    certify,
    compensate,
    explain,
    preview,
    push,
    reconcile,
    release,
    retire,
    retry,
    status,
    targets,
    trial,
)

ACTIONS = (
    status, canary, alerts, explain, push, reconcile, retry, compensate, audit, certify, backfill, preview, trial, release, targets, retire,
)  # fmt: skip
