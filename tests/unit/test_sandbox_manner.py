"""The connector against a sandbox that answers as HTTP allows, and as few do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from thirdparty.connectors.base import Capabilities, RemoteObject
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.errors import OutcomeUnknown, Transient
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.connectors.landcloud.settings import PATHS
from thirdparty.sandbox.client import SandboxControl
from thirdparty.sandbox.process import SandboxProcess

HELD = {"name": "张伟", "phone": "1", "email": "z@example.com", "role_ids": []}
USER = RemoteObject("5f0c8b9e-7d0f-4f57-9f0a-3f6a5c1d2e3b", "zhangwei1", HELD)


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess("--control-port", "0") as process:
        yield process


@pytest.fixture
def control(running: SandboxProcess) -> SandboxControl:
    running.control.reset()
    return running.control


def connector_to(running: SandboxProcess, *, keep_alive: bool = True) -> LandcloudConnector:
    return LandcloudConnector(
        TargetConfig(
            name="partner",
            connector="landcloud",
            base_url=running.url,
            options={"app_secret": "sandbox-secret", "default_password": "p", "paths": PATHS},
            capabilities=Capabilities(query=True, list=True),
            keep_alive=keep_alive,
        ),
        "users.user",
    )


@pytest.fixture
def connector(running: SandboxProcess, control: SandboxControl) -> Iterator[LandcloudConnector]:
    connector = connector_to(running)
    yield connector
    connector.close()


@pytest.mark.parametrize(
    "manner",
    [
        {"charset": "gbk"},
        {"charset": "gb18030", "coding": "gzip"},
        {"coding": "gzip"},
        {"coding": "deflate"},
        {"interim": 3},
        {"closes": "at_next_request"},
        {"clock_skew_seconds": -86400},
        {"charset": "gbk", "coding": "deflate", "interim": 1, "closes": "at_once", "clock_skew_seconds": 60},
    ],
)
def test_everything_can_be_done_however_the_target_answers(
    running: SandboxProcess, control: SandboxControl, manner: dict[str, Any]
) -> None:
    control.faults(manner=manner)
    connector = connector_to(running, keep_alive="closes" not in manner)
    remote_id = connector.add(USER, version=1, idempotency_key="k")
    found = connector.find(remote_id=remote_id)
    assert found is not None
    assert (found.external_id, found.key, found.payload) == (USER.external_id, USER.key, HELD)
    connector.update(remote_id, USER, version=2)
    assert list(connector.page(None, limit=10).records) == [found]
    connector.delete(remote_id)
    assert connector.find(remote_id=remote_id) is None
    assert control.users() == []


def test_reads_bear_a_connection_that_ends_as_the_next_request_arrives(
    control: SandboxControl, connector: LandcloudConnector
) -> None:
    remote_id = connector.add(USER, version=1, idempotency_key="k")
    control.faults(manner={"closes": "at_next_request"})
    for _ in range(10):
        assert connector.find(remote_id=remote_id) is not None


def test_a_write_that_meets_such_an_end_is_sent_once_and_unknown_until_it_is_learnt(
    control: SandboxControl, connector: LandcloudConnector
) -> None:
    control.faults(manner={"closes": "at_next_request"})
    remote_id = connector.add(USER, version=1, idempotency_key="k")
    unknown = 0
    for version in range(20):
        try:
            connector.update(remote_id, USER, version=version)
        except OutcomeUnknown:
            unknown += 1
    requests = [entry for entry in control.ledger() if entry.get("path") == "/user/update"]
    assert unknown == 3
    assert len(requests) == 20 - unknown


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_a_target_whose_clock_is_off_is_left_alone_as_long_as_it_asked(
    control: SandboxControl, connector: LandcloudConnector, skew: int
) -> None:
    until = formatdate(time.time() + skew + 90, usegmt=True)
    control.faults(rates={"503": 1}, retry_after=until, manner={"clock_skew_seconds": skew})
    with pytest.raises(Transient) as caught:
        connector.delete("1")
    assert caught.value.retry_after_seconds is not None
    assert 60 <= caught.value.retry_after_seconds <= 90


@pytest.mark.parametrize(
    "manner", [{"charset": "klingon"}, {"coding": "br"}, {"closes": "never"}, {"interim": -1}, {"humour": 1}, 7]
)
def test_a_manner_that_does_not_exist_is_named(control: SandboxControl, manner: object) -> None:
    with pytest.raises(Exception, match="manner"):
        control.faults(manner=manner)
