"""The tables of the engine."""

from thirdparty.models.alert import Alert, AlertMessage
from thirdparty.models.attempt import Attempt
from thirdparty.models.audit import Audit, Comparison, Finding
from thirdparty.models.brake import Brake, BrakeDecision, BrakeEntry
from thirdparty.models.canary import Canary
from thirdparty.models.declaration import Declaration
from thirdparty.models.figures import KeptFigures, KeptTotals
from thirdparty.models.heartbeat import Heartbeat
from thirdparty.models.hint_total import HintTotal
from thirdparty.models.instance import Instance
from thirdparty.models.record import Record
from thirdparty.models.ref import Ref
from thirdparty.models.reference import Reference
from thirdparty.models.sample import Sample
from thirdparty.models.strict_write import StrictWrite
from thirdparty.models.target import Target
from thirdparty.models.tick import Tick

__all__ = [
    "Alert",
    "AlertMessage",
    "Attempt",
    "Audit",
    "Brake",
    "BrakeDecision",
    "BrakeEntry",
    "Canary",
    "Comparison",
    "Declaration",
    "Finding",
    "Heartbeat",
    "HintTotal",
    "Instance",
    "KeptFigures",
    "KeptTotals",
    "Record",
    "Ref",
    "Reference",
    "Sample",
    "StrictWrite",
    "Target",
    "Tick",
]
