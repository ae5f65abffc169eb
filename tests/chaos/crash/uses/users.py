"""People at the partner: each has one record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

from syncproject.demo.stack import TARGET
from tests.chaos.crash.uses.use import AFTER, Held
from users import services, synced
from users.models import User


class Users:
    """Whose username changes keeps the record under the one that it was added with."""

    replaces = False

    def declare(self) -> None:
        pass

    def new(self) -> str:
        return str(uuid4())

    def key(self, word: str, record: str) -> str:  # noqa: ARG002  # there is one
        return synced.person(UUID(word)).key(TARGET)

    def external_ids(self, word: str) -> Mapping[str, str]:
        return {self.key(word, ""): word}

    def write(self, operation: str, word: str, content: str = AFTER) -> None:
        if operation == "add":
            _person(word, content).save()
        elif operation == "update":
            services.update_user(UUID(word), name=content)
        elif operation == "rename":
            user = User.objects.get(uuid=word)
            user.name, user.username = content, _username(word, "rename")
            user.save()
        else:
            services.delete_user(UUID(word))

    def write_silently(self, operation: str, word: str) -> None:
        users: Any = User.objects.filter(uuid=word)
        if operation == "add":
            User.objects.bulk_create([_person(word, AFTER)])
        elif operation == "update":
            users.update(name=AFTER)
        elif operation == "rename":
            users.update(name=AFTER, username=_username(word, "rename"))
        else:
            users._raw_delete(users.db)

    def aim(self, control: Any, fault: str, external_ids: Iterable[str], *, late_seconds: float) -> None:
        only = {"usernames": [_username(word) for word in external_ids], "calls": ["add", "update", "delete"]}
        control.faults(rates={fault: 1}, only=only, late_seconds=late_seconds, late_answer="504")

    def held(self, control: Any) -> Held:
        held: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for record in control.users():
            held[record["externalId"]].append(record)
        return held

    def problems(self, word: str, wanted: str | None, held: Held) -> Iterator[str]:
        user = User.objects.filter(uuid=word).first()
        if (user.name if user is not None else None) != wanted:
            yield f"the user is {user.name if user else None!r}, not {wanted!r}"
        theirs = held.get(word, ())
        if len(theirs) != (user is not None):
            yield f"the target holds {len(theirs)} records, not {int(user is not None)}"
        for record in theirs if user is not None else ():
            for name in ("name", "phone", "email"):
                if record[name] != getattr(user, name):
                    yield f"the target holds {name} {record[name]!r}, not {getattr(user, name)!r}"
            if record["username"] != _username(word):
                yield f"the target holds username {record['username']!r}, not {_username(word)!r}"


def _person(word: str, name: str) -> User:
    user = User(uuid=UUID(word), username=_username(word), name=name, phone=str(UUID(word).int)[:11])
    user.set_unusable_password()
    return user


def _username(word: str, prefix: str = "crash") -> str:
    return f"{prefix}-{UUID(word).hex[:12]}"


USE = Users()
