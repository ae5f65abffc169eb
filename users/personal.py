"""What may stand in a person's name and phone number. Pure; used by model, API and forms alike."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

NAME_MAX_LENGTH = 150
PHONE_MAX_LENGTH = 32
_SPREADSHEETS_NUMBER = re.compile(r"([0-9]{5,})\.0+")
_SHORTENED_NUMBER = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+", re.IGNORECASE)
_PHONE = re.compile(r"\+?[0-9](?:[0-9 ().\-/]*[0-9])?")


def clean_name(value: str) -> str:
    """The name in composed form, without surrounding space.

    Raises `ValidationError` for an empty name, one over 150 characters, or one with control
    characters or lone surrogates (no database and no third party could hold those faithfully).
    """
    name = unicodedata.normalize("NFC", value).strip()
    if not name or not any(char.isprintable() and not char.isspace() for char in name):
        raise ValidationError(_("Enter a name."), code="required")
    if len(name) > NAME_MAX_LENGTH:
        raise ValidationError(
            _("A name has at most %(most)d characters.") % {"most": NAME_MAX_LENGTH}, code="max_length"
        )
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        raise ValidationError(_("A name holds no control characters."), code="control_characters")
    return name


def clean_phone(value: str) -> str:
    """The phone number with digits of any script as ASCII digits; empty stays empty.

    Of 13911110066.0, which is a number as spreadsheets and data frames write it, the fraction goes. Raises `ValidationError` for anything that is no phone number, or over 32 characters.
    """
    phone = "".join(str(unicodedata.digit(char, char)) for char in unicodedata.normalize("NFKC", value).strip())
    if not phone:
        return ""
    if number := _SPREADSHEETS_NUMBER.fullmatch(phone):
        phone = number[1]
    if _SHORTENED_NUMBER.fullmatch(phone):
        message = _("A spreadsheet has shortened this number: make its column text, and enter the number again.")
        raise ValidationError(message, code="invalid")
    if len(phone) > PHONE_MAX_LENGTH:
        raise ValidationError(
            _("A phone number has at most %(most)d characters.") % {"most": PHONE_MAX_LENGTH}, code="max_length"
        )
    if not _PHONE.fullmatch(phone):
        raise ValidationError(_("Enter a phone number: digits, with + . - / ( ) or spaces between."), code="invalid")
    return phone


def clean_email(value: str) -> str:
    """The address without surrounding space; empty stays empty. The model field checks its form.

    Raises `ValidationError` for control characters or lone surrogates, which a quoted or
    international address may hold as far as that check goes.
    """
    email = value.strip()
    if not email.isprintable():
        raise ValidationError(_("An e-mail address holds no control characters."), code="control_characters")
    return email
