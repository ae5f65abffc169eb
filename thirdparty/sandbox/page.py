"""The one page that shows a person what the sandbox holds and what happened last."""

from __future__ import annotations

import json
from html import escape

from thirdparty.sandbox.world import World

_LAST = 25
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<link rel="icon" href="data:,"><title>Sandbox third party</title>
<style>
 body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
 table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; padding: .2rem .8rem .2rem 0 }}
 tr {{ border-bottom: 1px solid #ddd }} th {{ font-weight: 600 }} code {{ font-size: 13px }}
 .fault td {{ color: #b00020 }} .effect td {{ color: #146c2e }}
</style>
<h1>Sandbox third party</h1>
<p><strong>{records}</strong> records, <strong>{requests}</strong> requests, <strong>{effects}</strong> effects,
 <strong>{late}</strong> late applications pending.</p>
<h2>Switches</h2>
<p><code>{switches}</code></p>
<h2>Last ledger entries</h2>
<table>
<tr><th>#<th>What<th>Call<th>User<th>Answer<th>Fault</tr>
{rows}
</table>
</html>
"""


def render(world: World) -> str:
    """The page as HTML; needs no asset from anywhere."""
    entries = json.loads(world.ledger.after(0, limit=_LAST))
    switches = {name: value for name, value in world.switches().items() if value not in (0, None, {})}
    stats = world.stats()
    return _PAGE.format(
        records=stats["records"],
        requests=sum(stats["requests"].values()),
        effects=sum(stats["effects"].values()),
        late=stats["late"]["pending"],
        switches=escape(json.dumps(switches)),
        rows="\n".join(_row(entry) for entry in reversed(entries)),
    )


def _row(entry: dict[str, object]) -> str:
    kind = "fault" if entry.get("fault") else entry["kind"]
    answered = entry.get("status") or entry.get("http")
    cells = (
        entry["seq"],
        entry.get("effect", "request"),
        entry["call"] or entry.get("path"),
        entry["username"] or entry["user_id"],
        answered,
        entry.get("fault"),
    )
    return f'<tr class="{kind}">' + "".join(f"<td>{escape(str(cell or ''))}" for cell in cells) + "</tr>"
