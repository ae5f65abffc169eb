"""What somebody gets who installs the package: the engine with its pages, and nothing of the applications beside it."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
REQUIRED = {"celery", "django", "httptools", "requests", "rich", "tenacity"}
COME_ALONG = {"amqp", "certifi", "kombu", "urllib3"}
"""With celery, and with requests."""
OF_THE_TYPE_CHECKER = {"_typeshed"}
OF_EXTRAS = {
    "thirdparty/api/": {"rest_framework", "drf_spectacular", "prometheus_client"},
    "thirdparty/admin/skin.py": {"unfold"},
    "thirdparty/testing/": {"pytest"},
    "thirdparty/traces.py": {"opentelemetry"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy: a build leaves files beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for package in ("syncproject", "thirdparty", "users", "tests"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=folder, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_every_file_of_the_engine(wheel: zipfile.ZipFile) -> None:
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "thirdparty").rglob("*") if path.is_file()}
    wanted = {name for name in files if "__pycache__" not in name}
    assert wanted - set(wheel.namelist()) == set()
    assert {"thirdparty/py.typed", "thirdparty/static/thirdparty/admin.css"} <= wanted


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    folders = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert folders == {"thirdparty"}


def test_the_engine_alone_requires_little(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    lines = wheel.read(name).decode().splitlines()
    required = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    assert {re.split(r"[^a-z-]", each)[0] for each in required if "extra ==" not in each} == REQUIRED


def imported() -> Iterator[tuple[str, str]]:
    """Each file of the engine with each package that it imports."""
    for path in (ROOT / "thirdparty").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                yield str(path.relative_to(ROOT)), name.split(".")[0]


def test_what_an_extra_brings_is_imported_by_its_own_folder_alone() -> None:
    ours = {"thirdparty", *REQUIRED, *COME_ALONG, *OF_THE_TYPE_CHECKER, *sys.stdlib_module_names}
    beyond = [
        (file, package)
        for file, package in imported()
        if package not in ours
        and not any(file.startswith(place) and package in packages for place, packages in OF_EXTRAS.items())
    ]
    assert beyond == []
