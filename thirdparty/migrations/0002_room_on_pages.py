"""Leaves room on PostgreSQL's pages, so that what a push changes fits beside what was there, and no index has to learn of it."""

from django.db import migrations

_FILLED_PERCENT = {"thirdparty_record": 85, "thirdparty_attempt": 60}


def leave_room(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, percent in _FILLED_PERCENT.items():
            schema_editor.execute(f"ALTER TABLE {schema_editor.quote_name(table)} SET (fillfactor = {percent})")


class Migration(migrations.Migration):
    dependencies = [("thirdparty", "0001_initial")]

    operations = [migrations.RunPython(leave_room, migrations.RunPython.noop)]
