"""The actions of ``manage.py sync``, one module each: ``add_to`` declares an action, ``run`` does it."""

from users.management.sync import (
    backfill,
    compensate,
    explain,
    importing,
    push,
    reconcile,
    retire,
    retry,
    status,
    targets,
    token,
)

ACTIONS = (status, explain, push, reconcile, retry, compensate, importing, backfill, targets, retire, token)
