"""What a row keeps of what its target holds (`thirdparty.decide.sent`), after a step of it."""

from __future__ import annotations

import logging
from collections.abc import Collection

from thirdparty.connectors.base import Payload
from thirdparty.decide import sent
from thirdparty.decide.compare import not_told
from thirdparty.decide.plan import Call
from thirdparty.run.step import Step
from thirdparty.settings import settings

logger = logging.getLogger(__name__)


def of_payload(step: Step, payload: Payload) -> str | None:
    """What the row keeps of a payload: of the fields that are wanted, and of those that were sent before.

    What else a record holds was never ours: it would look as if whoever comes back emptied it. Of what cannot be read
    back, the names are kept until an update has taken it away.
    """
    key, comparable, wanted = settings.hash_key(), step.connector.comparable, step.wanted
    # Until the doubt is over, an earlier request may still bring what it had.
    in_doubt = step.lease.in_doubt and step.call is not Call.RECHECK
    unsure: Collection[str] = sent.names(step.lease.sent) if in_doubt else ()
    if step.sent is not None and wanted is not None and payload is wanted.payload and not unsure:
        return step.sent
    try:
        if wanted is not None and payload is wanted.payload:
            only = None
        elif not (given := sent.names(step.lease.sent)) and wanted is None:
            return None
        else:
            only = {*given, *(comparable(wanted.payload) if wanted is not None else ())}
            unsure = {*unsure, *not_told(payload, comparable, given)}
        return sent.written(sent.besides(sent.hashes(payload, comparable, key, only=only), unsure), key)
    except Exception:  # the target has answered: what is kept for later must not keep that from being written
        logger.exception("%s: what the target holds cannot be noted", step.lease.key)
        return None


def of_unanswered(step: Step) -> str | None:
    """What was known, and the names of what was sent: it may be there, or come later."""
    kept, key = step.lease.sent, settings.hash_key()
    if step.wanted is None:
        return kept
    try:
        tried = {*sent.names(kept), *step.connector.comparable(step.wanted.payload)}
        return sent.written(sent.besides(sent.read(kept, key) or {}, tried), key)
    except Exception:  # what is kept for later must not keep the doubt from being written
        logger.exception("%s: what was sent cannot be noted", step.lease.key)
        return kept


def fields(step: Step) -> Collection[str]:
    """Those that the target is known to have been sent, or may have."""
    return sent.names(step.lease.sent)
