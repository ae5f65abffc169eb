"""The declaration of one kind of object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, cast, get_args, get_origin
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Q

from thirdparty.connectors.base import Payload
from thirdparty.declaration.at_target import AtTarget
from thirdparty.declaration.key_changes import KeyChanges
from thirdparty.declaration.lookups import Lookup, PerTarget, lookups_of, resolved
from thirdparty.declaration.reading import Reading, watched
from thirdparty.models.instance import instance_code
from thirdparty.models.ref import Ref

M = TypeVar("M", bound=models.Model)


class Synced(Generic[M]):
    """One kind of object that targets are to hold.

    ``identity``: the field that says which object it is, for ever; ``"pk"`` by default.
    ``key``: the field of its natural key at the targets; None where there is none. ``key_changes``: what becomes of the
    record when it changes once it was sent.
    ``targets``: the names of those that are to hold it; None for all.
    ``watch``: columns and lookups (``customer__email``, ``lines``, ``tags``) whose change is owed to the targets.
    ``scope``: who is to be there; leaving it means leaving the targets. None for all.
    ``references``: the kinds of objects whose remote ids the payload names, by the field that leads to each
    (`AtTarget.remote_id`); a kind may be given by its name.
    ``match``: the fields of the payload in which a record that was at the target before has to agree to be taken for
    the object's (``ADOPT=match``); none for never.
    ``audit_ignore``: the fields of the payload in which the targets may hold what they like: an audit says nothing of them.
    ``remedies``: where a person mends what makes objects `Unmappable`: the name of a page, for
    `django.urls.reverse`, by the reason.
    ``version``: of what is declared here; raise it with any change of it, going back to what it was before included. Then
    its objects are owed again, and a process of an older version leaves them alone.
    """

    kind: ClassVar[str] = ""
    identity: ClassVar[str] = "pk"
    key: ClassVar[str | None] = None
    key_changes: ClassVar[KeyChanges] = KeyChanges.KEPT
    targets: ClassVar[Sequence[str] | None] = None
    watch: ClassVar[Sequence[str | PerTarget]] = ()
    scope: ClassVar[Q | None] = None
    match: ClassVar[tuple[str, ...]] = ()
    references: ClassVar[Mapping[str, type[Synced[Any]] | str]] = {}
    audit_ignore: ClassVar[tuple[str, ...]] = ()
    remedies: ClassVar[Mapping[str, str]] = {}
    version: ClassVar[int] = 1
    model: type[M]

    def __init_subclass__(cls) -> None:
        """Take the model from ``Synced[Model]``, and its label as the kind where none is given."""
        super().__init_subclass__()
        for base in getattr(cls, "__orig_bases__", ()):
            if get_origin(base) is Synced and isinstance(get_args(base)[0], type):
                cls.model = get_args(base)[0]
        if not cls.kind and hasattr(cls, "model"):
            cls.kind = cls.model._meta.label_lower

    def payload(self, obj: M, target: AtTarget) -> Payload | None:
        """What the target is to hold of this object; None for nothing.

        Reads what is watched and nothing else (``SYNC_CHECK_READS`` refuses the rest), relations by ``.all()``. Raises `Unmappable` for an object that cannot be expressed there.
        """
        raise NotImplementedError

    def why_absent(self, obj: M) -> str:  # noqa: ARG002  # for those who can say it
        """Why `payload` gives None for this object, in a few words for people, in their language; empty where it does not say."""
        return ""

    def candidate(self, values: Mapping[str, Any], target: AtTarget) -> Payload | None:
        """The payload of the object as a strict write would make it, which is not saved: ``values`` are the writer's own.

        Of those who make strict writes alone. Called as `payload` is.
        """
        raise NotImplementedError

    def hold(self, values: Mapping[str, Any]) -> None:
        """Keep what `candidate` reads beside the values as it is until the running transaction ends."""

    def identity_field(self) -> models.Field[Any, Any]:
        """The field of ``identity``. Raises `FieldDoesNotExist`."""
        meta = self.model._meta
        if self.identity == "pk":
            return meta.pk
        return cast("models.Field[Any, Any]", meta.get_field(self.identity))

    def lookups(self) -> list[Lookup]:
        """Where everything that is watched leads, the scope's lookups among it. Raises `ImproperlyConfigured`."""
        watched = [resolved(self.model, each if isinstance(each, str) else each.lookup) for each in self.watch]
        return watched + self.scope_lookups()

    def scope_lookups(self) -> list[Lookup]:
        """Where the scope's lookups lead. Raises `ImproperlyConfigured`."""
        if self.scope is None:
            return []
        return [resolved(self.model, name, suffix=True) for name in lookups_of(self.scope)]

    def target_fields(self) -> dict[str, str]:
        """The field that names the target, by the lookup whose last rows are each of one."""
        return {each.lookup: each.field for each in self.watch if isinstance(each, PerTarget)}

    def ref(self, identity: object) -> Ref:
        """The object of this identity, as its field holds it."""
        return Ref(self.kind, identity.hex if isinstance(identity, UUID) else str(identity))

    def ref_of(self, instance: M) -> Ref:
        """This object."""
        return self.ref(getattr(instance, self.identity_field().attname))

    def identity_of(self, object_id: str) -> Any:
        """The identity as its field holds it. Raises `ValidationError` for what is none."""
        return self.identity_field().to_python(object_id)

    def rows(self) -> models.QuerySet[M]:
        """All there are, in the database that holds the records, whatever managers and routers say."""
        rows: models.QuerySet[M] = self.model._base_manager.using(DEFAULT_DB_ALIAS)
        return rows

    def in_scope(self) -> models.QuerySet[M]:
        """Those that targets are to know of."""
        return self.rows() if self.scope is None else self.rows().filter(self.scope)

    def load(self, object_ids: Sequence[str], *, only_watched: bool = False) -> Mapping[str, M]:
        """Those of these objects that are there and in scope, by their ids, with what they are watched through.

        ``only_watched``: of each row nothing else is read.
        """
        read = self._watched_of_each if only_watched else self._with_what_is_watched
        found = read.among([self.identity_of(each) for each in object_ids])
        return {self.ref_of(obj).object_id: obj for obj in found}

    @cached_property
    def _with_what_is_watched(self) -> Reading[M]:
        return Reading(self.in_scope(), self.identity_field(), watched(self))

    @cached_property
    def _watched_of_each(self) -> Reading[M]:
        return Reading(self.in_scope(), self.identity_field(), watched(self), only_watched=True)

    def kinds_referred_to(self) -> dict[str, str]:
        """The kind of each reference, by its field."""
        return {name: each if isinstance(each, str) else each.kind for name, each in self.references.items()}

    def key_of(self, obj: M) -> str:
        """Its natural key; empty where there is none."""
        value = getattr(obj, self.key) if self.key is not None else None
        return "" if value is None else str(value)

    def holders_of(self, key: str) -> list[Ref]:
        """The objects whose natural key this is now."""
        if self.key is None or not key:
            return []
        holders = self.rows().filter(**{self.key: key})
        return [self.ref(identity) for identity in holders.values_list(self.identity_field().attname, flat=True)]

    def external_id(self, object_id: str) -> str:
        """What the object is called at every target, by us and for ever."""
        return f"{self._external_id_prefix()}{object_id}"

    def object_id(self, external_id: str) -> str | None:
        """The other way round; None for what none of our objects is called."""
        prefix = self._external_id_prefix()
        return external_id.removeprefix(prefix) if external_id.startswith(prefix) else None

    def _external_id_prefix(self) -> str:
        return f"{instance_code()}.{self.kind}."
