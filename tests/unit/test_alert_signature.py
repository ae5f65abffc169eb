"""A webhook is signed as Standard Webhooks says."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest

from thirdparty.alerts import signature


def test_a_signature_is_the_one_that_the_specifications_libraries_make() -> None:
    key = signature.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature.headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("bytes_of_key", [24, 64])
def test_a_secret_of_24_to_64_bytes_can_be_used(bytes_of_key: int) -> None:
    key = bytes(bytes_of_key)
    assert signature.key_of("whsec_" + base64.b64encode(key).decode()) == key


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not begin with whsec_"),
        ("whsec_no base64!", "is no base64 behind whsec_"),
        ("whsec_c2hvcnQ=", "holds 5 bytes, and has to hold 24 to 64"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "holds 65 bytes, and has to hold 24 to 64"),
    ],
)
def test_another_secret_is_refused_and_not_quoted(secret: str, complaint: str) -> None:
    with pytest.raises(signature.BadSecret) as refused:
        signature.key_of(secret)
    assert str(refused.value) == complaint


def test_the_example_in_the_documentation_accepts_ours_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    example: dict[str, Any] = {}
    exec(page.split("## Alerts\n")[1].split("```python\n")[1].split("```")[0], example)  # our own
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"type": "thirdparty.test"}'
    headers = signature.headers(signature.key_of(secret), "msg_1", int(time.time()), body)
    assert example["is_ours"](headers, body, secret)
    assert not example["is_ours"](headers, body + b" ", secret)
    assert not example["is_ours"](headers | {"webhook-id": "msg_2"}, body, secret)
    old = signature.headers(signature.key_of(secret), "msg_1", int(time.time()) - 3600, body)
    assert not example["is_ours"](old, body, secret)
