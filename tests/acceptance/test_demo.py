"""What the demo tells is so: drift is found and mended, and a slip waits at the brake until a person lets it go."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from syncproject.demo.api import Api
from syncproject.demo.comparison import Comparison, compare
from syncproject.demo.people import ROLE_IDS, roles
from syncproject.demo.screen import Screen
from syncproject.demo.stack import OPERATOR, TARGET, Stack
from syncproject.demo.stage import Stage
from syncproject.demo.story import Story
from tests.acceptance.prepared import Prepared

SLIPPED = 70
CROWD = SLIPPED + 10
PEOPLE = (
    "from users.models import User; "
    f"User.objects.bulk_create(User(username=f'p{{n}}', name=f'P{{n}}', phone=f'138{{n:08}}') for n in range({CROWD}))"
)


class Heard(Screen):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)
        super().say(text)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[Story]:
    """The story's parts are running, with as many people as the two chapters take; each chapter leaves both sides level."""
    with Stack(tmp_path_factory.mktemp("demo"), database=prepared.database, shared_usernames=True) as stack:
        stack.start("broker", "sandbox", "web", "worker", "beat")
        stack.load(roles())
        api = Api(stack.url("web"), token=prepared.operator.token)
        stack.manage("shell", "--verbosity", "0", "--command", PEOPLE)
        with Stage(stack, api, Heard()) as stage:
            stage.until(lambda: len(stack.sandbox.users()) >= CROWD, "everybody to be there")
            stage.until_settled()
            yield Story(stage)


def heard(story: Story) -> list[str]:
    """What the chapter says, from here on."""
    assert isinstance(story.stage.screen, Heard)
    story.stage.screen.lines.clear()
    return story.stage.screen.lines


def compared(story: Story) -> Comparison:
    return compare(story.api.users(), story.stack.sandbox.users(), role_ids=ROLE_IDS)


def effects(story: Story) -> Counter[str]:
    """What has been carried out at the third party so far, by what it was."""
    return Counter(story.stack.sandbox.stats()["effects"])


def look_before(
    monkeypatch: pytest.MonkeyPatch, story: Story, command: tuple[str, ...], look: Callable[[], Any]
) -> list[Any]:
    """What one sees right before these words of a command are run."""
    manage, seen = story.stack.manage, []

    def looked(*arguments: str, **env: str) -> str:
        if set(command) <= set(arguments):
            seen.append(look())
        return manage(*arguments, **env)

    monkeypatch.setattr(story.stack, "manage", looked)
    return seen


def test_what_somebody_changed_at_the_third_party_is_named_and_then_mended(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, before = heard(story), effects(story)
    mending = look_before(monkeypatch, story, ("audit", "--apply"), lambda: (compared(story), effects(story)))
    story.third_party_drifts()
    [(found, drifted)] = mending
    assert (len(found.lost), len(found.differing), set(found.differing.values())) == (1, 3, {("phone",)})
    assert drifted - before == {"updated": 3, "deleted": 1}  # what somebody did there, and nothing else
    assert compared(story).equal
    assert effects(story) - drifted == {"created": 1, "updated": 3}
    everybody = len(story.stack.sandbox.users())
    assert lines[-1] == f"mended; looked at again: {everybody} equal"
    assert any(line.endswith(f": {everybody - 4} equal, 1 missing, 3 differing") for line in lines)


def test_a_slip_waits_at_the_brake_until_a_person_has_looked(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, before, there = heard(story), effects(story), len(story.stack.sandbox.users())
    releasing = look_before(
        monkeypatch, story, ("release", "--reason"), lambda: (effects(story) - before, story.api.states()["held"])
    )
    story.many_are_deleted()
    assert releasing == [({"created": 1}, SLIPPED)]
    assert effects(story) - before == {"created": 1, "deleted": SLIPPED}
    assert compared(story).equal
    plan = json.loads(story.stack.manage("sync", "release", TARGET, "--plan", "--json"))
    assert (plan["latched"], plan["total"]) == (False, 0)
    decided = [(each["who"], each["reason"], each["rejected"], each["counts"]) for each in plan["decisions"]]
    assert decided == [(OPERATOR, "they have left, all of them", False, {"delete": SLIPPED})]
    assert lines[-1] == f"a person has looked, and released them: {there + 1 - SLIPPED} records"
    assert any(line.startswith(f"the brake holds {SLIPPED} deletions") for line in lines)
