"""Each of the five incidents in the operations manual has a command, and the command line takes it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from thirdparty.management.commands.sync import Command

MANUAL = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
(SECTION,) = re.findall(r"^## Five incidents\n(.*?)^## ", MANUAL, re.DOTALL | re.MULTILINE)
INCIDENTS = re.findall(r"^\*\*([^*]+)\.\*\*.*?(?=^\*\*|\Z)", SECTION, re.DOTALL | re.MULTILINE)
COMMANDS = sorted(set(re.findall(r"`(?:manage\.py )?sync ([^`]+)`", SECTION)))


def test_each_incident_has_its_command() -> None:
    assert len(INCIDENTS) == 5
    assert SECTION.count("- *Command*: `manage.py sync ") == 5


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_is_one_that_the_command_line_takes(words: str) -> None:
    options = Command().create_parser("manage.py", "sync").parse_args(shlex.split(words))

    assert callable(options.run)
