"""``make install`` where uv is absent, fails, or knows less than pip.

Run on a copy, with one small package and no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The shared environment of these tests may have no pip; what it was made from does the installing.
PYTHON = os.path.realpath(sys.executable)
MODULES = "import ensurepip, pip, venv"

pytestmark = [
    pytest.mark.skipif(
        subprocess.run([PYTHON, "-c", MODULES], capture_output=True, check=False).returncode != 0,
        reason="this Python comes without pip, venv or ensurepip",
    ),
    # An environment with its pip is some thousand files, each time anew.
    pytest.mark.timeout(600),
]

MAKES_AN_ENVIRONMENT = f'"{PYTHON}" -m venv --without-pip .venv'
FAILS = "echo UnknownIssuer >&2; exit 2"


class Project:
    """A copy of what ``make install`` needs, with a lock of one package that lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.wheels = folder / "wheels"
        self.home = folder / "home"
        self.path = folder / "bin"
        for each in (self.folder / ".ci", self.wheels, self.home, self.path):
            each.mkdir(parents=True)
        for name in ("install", "pip_settings.py"):
            shutil.copy(ROOT / ".ci" / name, self.folder / ".ci" / name)
        digest = hashlib.sha256(small_wheel(self.wheels).read_bytes()).hexdigest()
        (self.folder / "requirements.lock").write_text(f"small==1.0 --hash=sha256:{digest}\n")
        for tool in ("dirname", "mkdir", "rm", "touch", "sh", "env"):
            (self.path / tool).symlink_to(shutil.which(tool) or tool)
        self.environment = {
            "PATH": str(self.path),
            "HOME": str(self.home),
            "PYTHON": PYTHON,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
        }

    def with_uv(self, venv: str, sync: str) -> None:
        """Put a uv on PATH that does this, after noting its environment."""
        uv = self.path / "uv"
        uv.write_text(f'#!/bin/sh\nenv > "{self.folder}/seen"\ncase "$1" in venv) {venv} ;; *) {sync} ;; esac\n')
        uv.chmod(0o755)

    def install(self, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", ".ci/install"],
            cwd=self.folder,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def installed(self) -> bool:
        """Whether the package can be imported, and `make` is told that all is there."""
        done = subprocess.run(
            [self.folder / ".venv/bin/python", "-c", "import small"], capture_output=True, check=False
        )
        return done.returncode == 0 and (self.folder / ".venv/.installed").exists()

    def seen_by_uv(self) -> dict[str, str]:
        lines = (self.folder / "seen").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)


def small_wheel(folder: Path) -> Path:
    wheel = folder / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small.py", "")
        asks_for_more = "Requires-Dist: large\n"  # and the lock leaves it out
        archive.writestr(
            "small-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: small\nVersion: 1.0\n{asks_for_more}"
        )
        archive.writestr("small-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("small-1.0.dist-info/RECORD", "")
    return wheel


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def with_a_broken_environment(project: Project) -> None:
    (project.folder / ".venv/bin").mkdir(parents=True)
    (project.folder / ".venv/bin/python").symlink_to("/nowhere/python3")


def with_an_environment_that_has_no_pip(project: Project) -> None:
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", project.folder / ".venv"], check=True)


def with_a_uv_that_makes_nothing(project: Project) -> None:
    project.with_uv(venv=FAILS, sync=FAILS)


def with_a_uv_that_fails_after_making_the_environment(project: Project) -> None:
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync=FAILS)


def with_a_uv_that_fails_after_half_a_package(project: Project) -> None:
    info = "small-1.0.dist-info"
    half = f"mkdir -p .venv/lib/python3.{sys.version_info.minor}/site-packages/{info}; cd .venv/lib/*/*/{info}; "
    half += 'echo "Metadata-Version: 2.1\nName: small\nVersion: 1.0" > METADATA; echo > RECORD; '
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync=half + FAILS)


def without_ensurepip(project: Project) -> None:
    (project.home / "ensurepip.py").write_text("raise ImportError\n")
    project.environment["PYTHONPATH"] = str(project.home)


def with_settings_of_pip_for_other_installs(project: Project) -> None:
    project.environment |= {"PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1"}


def as_it_is(_project: Project) -> None:
    """Where there is no uv at all."""


@pytest.mark.parametrize(
    "arrange",
    [
        as_it_is,
        with_a_broken_environment,
        with_an_environment_that_has_no_pip,
        with_a_uv_that_makes_nothing,
        with_a_uv_that_fails_after_making_the_environment,
        with_a_uv_that_fails_after_half_a_package,
        without_ensurepip,
        with_settings_of_pip_for_other_installs,
    ],
)
def test_pip_does_it_wherever_uv_does_not(project: Project, arrange: Callable[[Project], None]) -> None:
    arrange(project)
    done = project.install()
    assert done.returncode == 0, done.stderr
    assert project.installed


def test_what_neither_can_install_is_a_failure_that_make_tries_again(project: Project) -> None:
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync=FAILS)
    assert project.install(PIP_FIND_LINKS=str(project.home)).returncode != 0
    assert not (project.folder / ".venv/.installed").exists()
    assert project.install().returncode == 0
    assert project.installed


def test_uv_is_given_the_index_that_only_a_variable_of_pip_names(project: Project) -> None:
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync="true")
    mirror = "https://me:it's@mirror.example/simple"
    done = project.install(PIP_INDEX_URL=mirror)
    assert (done.returncode, done.stdout) == (0, "")
    assert project.seen_by_uv()["UV_DEFAULT_INDEX"] == mirror
    assert "it's" not in done.stderr


def test_uv_is_given_what_only_the_file_of_pip_says(project: Project) -> None:
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync="true")
    conf = project.home / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nextra-index-url =\n    https://a.example\n    https://b.example\n"
        "trusted-host = mirror.example b.example\ncert = /etc/company.pem\ntimeout = 7\n"
        "[install]\nindex-url = https://mirror.example/of-install\n"
    )
    project.install(PIP_CONFIG_FILE=str(conf))
    seen = project.seen_by_uv()
    assert seen["UV_DEFAULT_INDEX"] == "https://mirror.example/of-install"
    assert seen["UV_INDEX"] == "https://a.example https://b.example"
    assert seen["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert seen["UV_INSECURE_HOST"] == "mirror.example b.example"
    assert (seen["SSL_CERT_FILE"], seen["UV_HTTP_TIMEOUT"]) == ("/etc/company.pem", "7")
    assert seen["UV_SYSTEM_CERTS"] == "true"


def test_a_variable_of_pip_overrides_its_file(project: Project) -> None:
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync="true")
    conf = project.home / "pip.conf"
    conf.write_text("[global]\nindex-url = https://file.example/simple\n")
    project.install(PIP_CONFIG_FILE=str(conf), PIP_INDEX_URL="https://variable.example/simple")
    assert project.seen_by_uv()["UV_DEFAULT_INDEX"] == "https://variable.example/simple"


def test_what_is_set_for_uv_stays(project: Project) -> None:
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync="true")
    project.install(PIP_INDEX_URL="https://pip.example/simple", UV_DEFAULT_INDEX="https://uv.example/simple")
    assert project.seen_by_uv()["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_without_any_setting_of_pip_uv_is_told_of_this_machines_certificates_and_no_index(project: Project) -> None:
    project.with_uv(venv=MAKES_AN_ENVIRONMENT, sync="true")
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        del project.environment[name]
    project.install()
    told = {name for name in project.seen_by_uv() if name.startswith(("UV_", "SSL_"))}
    assert told == {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"}
