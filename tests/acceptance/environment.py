"""A fresh environment with the package as somebody else installs it: from its wheel, away from this tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The environment of the tests may have no pip; what it was made from does the installing.
PIP = [os.path.realpath(sys.executable), "-m", "pip", "--disable-pip-version-check"]
_PACKAGES = ("syncproject", "thirdparty", "users")
_BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"


def make(folder: Path) -> None:
    """An environment into which the package was installed from its wheel."""
    install(build_wheel(folder), folder / "environment")


def python(folder: Path) -> Path:
    """The Python of the environment that was made there."""
    return folder / "environment" / "bin" / "python"


def build_wheel(folder: Path) -> Path:
    """The wheel of this tree, made from a copy of it: a build leaves files beside what it builds."""
    source = folder / "source"
    source.mkdir()
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    built = _run([sys.executable, "-c", _BUILD, str(folder)], cwd=source)
    return folder / built.splitlines()[-1]


def install(wheel: Path, folder: Path) -> None:
    """Make a new environment in which the wheel is installed. What it needs is taken from the one of the tests."""
    if subprocess.run([*PIP, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("this Python comes without pip")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    _run([*PIP, "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)], cwd=folder)
    site_packages = _run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], cwd=folder
    ).strip()
    (Path(site_packages) / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))


def _run(command: list[str], *, cwd: Path) -> str:
    # Not this tree: only what is installed is to be found.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
