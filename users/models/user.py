"""The person whose record the targets are to hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from thirdparty.models.strict_write import Action, StrictWrite
from users import username
from users.personal import NAME_MAX_LENGTH, PHONE_MAX_LENGTH, clean_email, clean_name, clean_phone

USERNAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.@+-]*\Z"
_CLEANED = {"name": clean_name, "phone": clean_phone, "email": clean_email}


def _begins(field: str, stems: Iterable[str]) -> models.Q:
    condition = models.Q()
    for stem in stems:
        condition |= models.Q(**{f"{field}__startswith": stem})
    return condition


class UserQuerySet(models.QuerySet["User"]):
    def taken_usernames(self, wanted: Iterable[str]) -> set[str]:
        """Every username in use, or kept for a strict create, that begins with one of ``wanted``."""
        stems = list(wanted)
        if not stems:
            return set()
        # In this order: a strict create that ends in between is found among the users.
        creates = StrictWrite.objects.using(self.db).filter(kind=User._meta.label_lower, action=Action.CREATE)
        kept = creates.filter(_begins("natural_key", stems)).values_list("natural_key", flat=True)
        return set(kept) | set(self.filter(_begins("username", stems)).values_list("username", flat=True))

    def bulk_create(self, objs: Iterable[User], *args: Any, **kwargs: Any) -> list[User]:
        """As Django's, with blank usernames filled in first."""
        people = list(objs)
        blank = [(person, person.wanted_username()) for person in people if not person.username]
        taken = {person.username for person in people if person.username}
        stems = sorted({wanted for _, wanted in blank})
        for start in range(0, len(stems), 100):
            taken |= self.taken_usernames(stems[start : start + 100])
        for person, wanted in blank:
            person.username = username.first_free(wanted, taken)
            taken.add(person.username)
        return super().bulk_create(people, *args, **kwargs)


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]  # mypy: dynamic base
    def create_user(self, username: str = "", password: str | None = None, **fields: Any) -> User:
        user: User = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> User:
        """An operator of this application: never sent to any target."""
        fields |= {"is_staff": True, "is_superuser": True, "name": fields.get("name") or username}
        return self.create_user(username, password, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    uuid = models.UUIDField("id", default=uuid4, unique=True, editable=False)
    username = models.CharField(
        _("username"),
        max_length=username.MAX_LENGTH,
        unique=True,
        blank=True,
        validators=[RegexValidator(USERNAME_PATTERN, _("Use letters, digits and _ . @ + - only."))],
        help_text=_("Made from the name and phone when left blank. Fixed once the person is saved."),
    )
    name = models.CharField(_("name"), max_length=NAME_MAX_LENGTH)
    phone = models.CharField(_("phone"), max_length=PHONE_MAX_LENGTH, blank=True, default="")
    email = models.EmailField(_("e-mail"), blank=True, default="")
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("An inactive person is removed from every target, and added again later."),
    )
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May use this admin and the API."))
    date_joined = models.DateTimeField(_("date joined"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "email"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        permissions = (
            ("import_user", "Can import people from a file"),
            ("issue_token", "Can have a key for the API"),
        )
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["name"], name="user_name")]

    def __str__(self) -> str:
        return self.username

    def wanted_username(self) -> str:
        return username.base(self.name, self.phone, self.uuid)

    def free_username(self, *, using: str | None = None) -> str:
        """The wanted username, or the first free one like it; a race is lost at the save."""
        wanted = self.wanted_username()
        return username.first_free(wanted, type(self).objects.using(using).taken_usernames([wanted]))

    def fingerprint(self) -> str:
        """Differs whenever what may be said of a person does, their groups included."""
        groups = sorted(group.name for group in self.groups.all())
        values = [str(self.uuid), self.username, self.name, self.phone, self.email, self.is_active, groups]
        return sha256(json.dumps(values).encode()).hexdigest()

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """As Django's, on the name, phone and email once they are in the form they are stored in."""
        excluded = set(exclude or ())
        problems: dict[str, list[ValidationError]] = {}
        for field, clean in _CLEANED.items():
            if field not in excluded:
                try:
                    setattr(self, field, clean(getattr(self, field)))
                except ValidationError as problem:
                    problems[field] = [problem]
        try:
            super().clean_fields(exclude=excluded | set(problems))
        except ValidationError as problem:
            problem.update_error_dict(problems)
        if problems:
            raise ValidationError(problems)

    def clean(self) -> None:
        """As Django's. Raises `ValidationError` for a username that is kept for a strict create."""
        super().clean()
        kept = StrictWrite.objects.standing().filter(action=Action.CREATE, natural_key=self.username)
        kept = kept.exclude(object_id=self.uuid.hex)
        if self.username and kept.exists():
            message = _("This username is being registered by another write at this moment.")
            raise ValidationError({"username": ValidationError(message, code="unique")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; a blank username is filled in, uniquely also when two saves race.

        Raises `IntegrityError` when a username that was given is taken.
        """
        if self.username:
            super().save(*args, **kwargs)
            return
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        while True:
            self.username = self.free_username(using=using)
            try:
                with transaction.atomic(using=using):
                    super().save(*args, **kwargs)
            except IntegrityError:
                if not type(self).objects.using(using).filter(username=self.username).exists():
                    raise
            else:
                return
