"""What models and their columns are called, in the reader's language.

Django makes the label of a model or a column of its name, and the help of a column is written beside it: all are looked up in the catalogue when
they are shown, so that none can be forgotten to be marked (docs/decisions/0043).
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


def translate_labels(app: AppConfig) -> None:
    """Have the labels and helps of this app's models translated. Call when models are loaded; migrations see no difference."""
    for model in app.get_models(include_auto_created=True):
        for name in ("verbose_name", "verbose_name_plural"):
            _translate(model._meta, name)
        for field in model._meta.local_fields:
            for name in ("verbose_name", "help_text"):
                _translate(field, name)


def _translate(labelled: Any, name: str) -> None:
    text = getattr(labelled, name)
    if text and not isinstance(text, Promise):
        setattr(labelled, name, gettext_lazy(text))
