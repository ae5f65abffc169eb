"""Deleting many people: asked before, some thousands at a time, and nobody stands in the others' way."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from thirdparty.admin.confirm import Question, ask, is_confirmed
from thirdparty.observe.numbers import grouped
from users.models import User

MOST_AT_ONCE = 5_000
_BATCH = 500
_NAMED = 10


class BoundedDeletion:
    """Mixed into the admin of people, before Django's, whose own action lists everybody on one page and fails."""

    @admin.action(description=gettext_lazy("Delete selected people"), permissions=["delete"])
    def delete_selected(self: Any, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Those whom this account may delete, and who have not acted here."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if not is_confirmed(request):
            return ask(request, self.admin_site, _question(keys), back=request.get_full_path())
        first = keys[:MOST_AT_ONCE]
        deleted = sum(_delete(self, request, first[at : at + _BATCH]) for at in range(0, len(first), _BATCH))
        text = ngettext("%(count)s person is deleted.", "%(count)s people are deleted.", deleted)
        messages.success(request, text % {"count": grouped(deleted)})
        left = len(first) - deleted
        if left:
            text = ngettext(
                "%(count)s is still here: they have acted in this admin, or you may not delete them.",
                "%(count)s are still here: they have acted in this admin, or you may not delete them.",
                left,
            )
            messages.warning(request, text % {"count": grouped(left)})
        if len(keys) > MOST_AT_ONCE:
            messages.warning(
                request, _("There are more: these were the first %(most)s.") % {"most": grouped(MOST_AT_ONCE)}
            )
        return None


def has_acted(user: User) -> bool:
    """Whether the history tells of them as of somebody who did something: it would be lost with them."""
    return user.is_staff and LogEntry.objects.filter(user=user).exists()


def _delete(pages: Any, request: HttpRequest, keys: list[int]) -> int:
    with transaction.atomic():
        people = [user for user in User.objects.filter(pk__in=keys) if pages.has_delete_permission(request, user)]
        pages.log_deletions(request, people)
        User.objects.filter(pk__in=[user.pk for user in people]).delete()
    return len(people)


def _question(keys: list[int]) -> Question:
    count = min(len(keys), MOST_AT_ONCE)
    names = list(User.objects.filter(pk__in=keys[:_NAMED]).order_by("pk").values_list("name", flat=True))
    text = ngettext("%(count)s person will be deleted.", "%(count)s people will be deleted.", count)
    listed = ", ".join(names) if count <= _NAMED else _("%(names)s and others") % {"names": ", ".join(names)}
    sentences = [
        text % {"count": grouped(count)},
        listed,
        _("They are removed from every target as well. This cannot be taken back."),
    ]
    if len(keys) > MOST_AT_ONCE:
        sentences.append(_("There are more: these are the first %(most)s.") % {"most": grouped(MOST_AT_ONCE)})
    return Question(_("Delete these people?"), sentences, _("Yes, delete"))
