"""For authors of connectors: ``pip install thirdparty[testing]``, then subclass `ConnectorContract`."""

import pytest

pytest.register_assert_rewrite("thirdparty.testing.contract")

from thirdparty.testing.contract import ConnectorContract  # noqa: E402  # once its asserts are rewritten, to show values
from thirdparty.testing.rest_target import FakeRestTarget  # noqa: E402  # once its asserts are rewritten, to show values
from thirdparty.testing.server import Reply, Request, serving  # noqa: E402  # once its asserts are rewritten, to show values

__all__ = ["ConnectorContract", "FakeRestTarget", "Reply", "Request", "serving"]
