"""Which use of the engine the model's rows are rows of, where they become real: ``MODEL_USE`` names it.

What the model decides is the same for each; what the statements do to a row is compared for each.
"""

from __future__ import annotations

import os
from importlib import import_module

from tests.chaos.model.uses.use import Use

USE: Use = import_module(f"tests.chaos.model.uses.{os.environ.get('MODEL_USE', 'users')}").USE
