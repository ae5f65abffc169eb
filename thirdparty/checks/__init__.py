"""System checks: what is wrong with the settings or the database is said before anything runs."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS

from thirdparty.alerts.checks import alerts_can_be_sent
from thirdparty.capture import triggers
from thirdparty.checks.of_database import isolation
from thirdparty.checks.of_declarations import connectors_can_be_made, declarations
from thirdparty.checks.of_settings import durations


def require_sound() -> None:
    """Raise `ImproperlyConfigured` for what would make a worker go wrong. For processes without checks."""
    wrong = [problem for problem in (*declarations(), *alerts_can_be_sent()) if problem.is_serious()]
    unmade = [problem for problem in connectors_can_be_made() if problem.is_serious()]
    for problem in durations() or wrong or unmade or isolation(databases=[DEFAULT_DB_ALIAS]):
        raise ImproperlyConfigured(f"{problem.msg}. {problem.hint}")
    triggers.require_in_place()
