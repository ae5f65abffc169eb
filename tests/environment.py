"""The environment that every test runs in; loaded before Django reads its settings."""

import os
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="usersync-tests-"))

os.environ.update(
    {
        "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", f"sqlite:///{FOLDER / 'unused.sqlite3'}"),
        # Nothing listens there: a test that needs a broker starts or names one.
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
        "DJANGO_SECRET_KEY": "for-tests-only-" + "t" * 40,
        "DJANGO_DEBUG": "0",
        "SYNC_API_RATE": "off",
        "SYNC_CHECK_READS": "true",
        # A test that wants audits by schedule says so: others count what a tick publishes, and what a target is asked.
        "SYNC_AUDIT_EVERY_HOURS": "0",
        "SYNC_TARGETS": "partner",
        "TARGET_PARTNER_BASE_URL": "http://127.0.0.1:1",
        "TARGET_PARTNER_ALLOW_HTTP": "true",
        "TARGET_PARTNER_APP_SECRET": "sandbox-secret",
        "TARGET_PARTNER_DEFAULT_PASSWORD": "first-password",
        "TARGET_PARTNER_TIMEOUT_SECONDS": "2",
    }
)
if os.environ.get("MODEL_USE") == "shop":
    # The example project's own settings are in force (`tests.chaos.test_model_matches_sql_of_the_shop`).
    os.environ.update(
        {
            "SYNC_TARGETS": "erp",
            "TARGET_ERP_CONNECTOR": "shop.erp.Erp",
            "TARGET_ERP_BASE_URL": "http://127.0.0.1:1",
            "TARGET_ERP_ALLOW_HTTP": "true",
            "TARGET_ERP_TOKEN": "token",
        }
    )
