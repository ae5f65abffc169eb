"""What people call the objects that records are of."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import ngettext

from thirdparty.declaration import declared, is_declared, of_kind


def objects(kinds: Collection[str], count: int) -> str:
    """As the model of the one kind calls them, "people"; "records" of several kinds, or of one that is not declared here.

    With the kind beside it where another declaration is of the same model.
    """
    if len(kinds) != 1 or not is_declared(kind := next(iter(kinds))):
        return ngettext("record", "records", count)
    model = of_kind(kind).model
    name = str(model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural)
    is_alone = sum(declaration.model is model for declaration in declared()) == 1
    return name if is_alone else f"{name} ({kind})"
