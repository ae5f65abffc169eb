"""The tables of the engine."""

from thirdparty.models.attempt import Attempt
from thirdparty.models.audit import Audit, Comparison, Finding
from thirdparty.models.brake import Brake, BrakeDecision, BrakeEntry
from thirdparty.models.figures import KeptFigures
from thirdparty.models.record import Record
from thirdparty.models.ref import Ref
from thirdparty.models.reference import Reference
from thirdparty.models.strict_write import StrictWrite
from thirdparty.models.target import Target
from thirdparty.models.tick import Tick

__all__ = [
    "Attempt",
    "Audit",
    "Brake",
    "BrakeDecision",
    "BrakeEntry",
    "Comparison",
    "Finding",
    "KeptFigures",
    "Record",
    "Ref",
    "Reference",
    "StrictWrite",
    "Target",
    "Tick",
]
