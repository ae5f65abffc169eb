"""docs/adding-a-connector.md is tried: what it shows is written down as it says, and keeps the contract."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-connector.md"


def test_the_connectors_on_the_page_keep_the_contract(tmp_path: Path) -> None:
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        (tmp_path / name).write_text(code)
    assert {path.name for path in tmp_path.iterdir()} == {"erp.py", "soap.py", "test_erp.py"}
    env = os.environ | {"PYTHONPATH": str(PAGE.parents[1])}
    tried = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:valkey", "-p", "no:cacheprovider", "test_erp.py"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stdout
    imported = subprocess.run([sys.executable, "-c", "import soap"], cwd=tmp_path, env=env, check=False)
    assert imported.returncode == 0


def test_the_page_names_every_attribute_and_method_that_a_partner_may_set() -> None:
    from thirdparty.connectors.rest.connector import RestConnector

    inherited = {
        "of_kind",
        "add",
        "update",
        "delete",
        "find",
        "page",
        "close",
        "secrets",
        "declared_options",
        "supports",
    }
    inherited |= {"options"}
    public = {name for name in {*vars(RestConnector), *RestConnector.__annotations__} if not name.startswith("_")}
    page = PAGE.read_text()
    assert [
        name for name in sorted(public - inherited) if not re.search(rf"^\| .*`{name}\b", page, re.MULTILINE)
    ] == []
