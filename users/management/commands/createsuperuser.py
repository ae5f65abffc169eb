"""``createsuperuser``, for which a username is enough: an operator without name or e-mail is one all the same."""

from __future__ import annotations

import os
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from users.models import User

_FIELDS = ("username", *User.REQUIRED_FIELDS)


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        """As Django's where it asks; with ``--noinput`` only the username has to be given."""
        if options["interactive"]:
            return super().handle(*args, **options)
        given = {
            field: options[field] or os.environ.get(f"DJANGO_SUPERUSER_{field.upper()}") or "" for field in _FIELDS
        }
        if not given["username"]:
            raise CommandError("You must use --username with --noinput.")
        try:
            # As far as given: a blank name becomes the username, a blank e-mail stays one.
            User(**given).clean_fields(exclude={f.name for f in User._meta.fields} - {f for f in _FIELDS if given[f]})
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        if User.objects.using(options["database"]).filter(username=given["username"]).exists():
            raise CommandError("Error: That username is already taken.")
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        User.objects.db_manager(options["database"]).create_superuser(password=password, **given)
        if options["verbosity"]:
            self.stdout.write("Superuser created successfully.")
        return None
