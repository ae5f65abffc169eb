"""What the product's own rules lead to."""

from __future__ import annotations

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.explorer import Exploration
from tests.chaos.model.kept import kept
from tests.chaos.model.records import explore
from tests.chaos.model.rules import Rules


@kept
def explored(configuration: Configuration) -> Exploration:
    """Explore under the product's own rules."""
    return explore(configuration, Rules())
