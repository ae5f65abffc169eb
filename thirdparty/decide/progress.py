"""No progress is a failed try: how many steps a record may take without coming nearer."""

from __future__ import annotations

HONEST_STEPS = 8
"""So many answered steps in one generation without an acknowledgement are nothing unusual: the longest chain that the model
shows at a partner that keeps its word is shorter (`tests/chaos/test_model.py`, with a restore from backup). Further ones back off."""
NO_PROGRESS_LIMIT = HONEST_STEPS + 12
"""So many are the end: a person has to look, or for a delete, absence is accepted."""
