"""The guard: no target can hurt us, and we hurt no target. Shared by all workers through the Target row.

Before calls: `admit`. After each: `report`. While all is well neither writes anything. What is decided is
in `circuit_breaker`, `rate_limit` and `admission`, purely; docs/operations.md tells what an operator sees.
"""

from thirdparty.connectors.probe import Probe, probe
from thirdparty.protect.admission import Admission
from thirdparty.protect.admitting import HANDFUL_SECONDS, admit, allowance, give_back
from thirdparty.protect.health import GuardDecision
from thirdparty.protect.openness import Openness, openness
from thirdparty.protect.probing import answered, ask, idle_look, idle_seen, in_doubt, revival, revive, revived
from thirdparty.protect.reporting import report
from thirdparty.protect.standing import pause, resume, summary
from thirdparty.protect.target_row import clock

__all__ = [
    "HANDFUL_SECONDS",
    "Admission",
    "GuardDecision",
    "Openness",
    "Probe",
    "admit",
    "allowance",
    "answered",
    "ask",
    "clock",
    "give_back",
    "idle_look",
    "idle_seen",
    "in_doubt",
    "openness",
    "pause",
    "probe",
    "report",
    "resume",
    "revival",
    "revive",
    "revived",
    "summary",
]
