"""The alerts and the dashboard that ship name nothing that /metrics does not give, and lead to headings that are there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import row_of
from tests.promql import named
from tests.unit.test_links import anchors
from thirdparty import protect, targets
from thirdparty.models import Attempt, KeptTotals, Record, Target
from thirdparty.observe import kept_totals
from thirdparty.observe.reasons import Severity
from users.models import User

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "docs/operations.md"
RULES = ROOT / "deploy/prometheus/usersync.rules.yml"
DASHBOARD = json.loads((ROOT / "deploy/grafana/usersync.json").read_text())
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [
    *((rule["alert"], rule["expr"]) for rule in ALERTS),
    *QUERIES,
    ("variable target", VARIABLES["target"]["definition"]),
]

Given = Mapping[str, Mapping[str, set[str]]]
"""Of each metric its labels, and of each label the values that were seen."""


@pytest.fixture
def given(at_work: None) -> Given:
    """What /metrics gives of a database in which something of everything has happened."""
    targets.publish_rows()
    kept_totals.count()
    KeptTotals.objects.update(counted_to=protect.clock() - timedelta(minutes=8))
    began = protect.clock() - timedelta(minutes=5)
    for outcome in ("ok", "transient"):
        Attempt.objects.create(
            record=row_of(User.objects.create_user(name="Ada", phone=outcome)), lease_token="t", call="add",
            generation=1, outcome=outcome, started_at=began, finished_at=began, owed_since=began, acknowledged=True,
        )  # fmt: skip
    kept_totals.count()
    Record.objects.filter(key=Record.objects.all()[0].key).update(parked="invalid", failing_since=began)
    Target.objects.update(paused=True, paused_reason="x", paused_since=began)
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(Client().get("/metrics").content.decode()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


def reasons_of_the_table() -> set[str]:
    section = OPERATIONS.read_text().split("## Reasons\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def unknown(expression: str, given: Given) -> list[str]:
    """The metrics, labels and values of this expression that are not given."""
    return list(_unknown(expression, given))


def _unknown(expression: str, given: Given) -> Iterator[str]:
    # Not all of these is ever true of one moment.
    always = {"code": reasons_of_the_table(), "severity": set(Severity)}
    found = named(expression)
    labels: set[str] = set()
    for metric, matchers in found.metrics:
        if metric not in given:
            yield metric
            continue
        labels |= set(given[metric])
        for label, sign, value in matchers:
            values = value.split("|") if "~" in sign else [value]
            if label not in given[metric]:
                yield f"{metric}: {label}"
            elif value != "$target":
                yield from (each for each in values if each not in always.get(label, given[metric][label]))
    yield from (label for label in found.grouped if label not in labels)


@pytest.mark.django_db
@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_an_expression_names_what_the_metrics_give(where: str, expression: str, given: Given) -> None:
    assert unknown(expression, given) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("rate(usersync_gone_total[5m]) > 0", "usersync_gone_total"),
        ('usersync_records{shape="round"}', "usersync_records: shape"),
        ('max by (target) (usersync_records{state=~"pending|weary"})', "weary"),
        ('max by (code) (usersync_reasons{code="odd"})', "odd"),
        ("sum by (target, flavour) (usersync_records)", "flavour"),
        ("usersync_records / on (target, colour) usersync_target_paused", "colour"),
        ("label_values(usersync_records, colour)", "colour"),
        ("1 - (usersync_healthy + -usersync_gone offset 5m)", "usersync_gone"),
    ],
)
def test_what_is_not_given_is_found(expression: str, missing: str, given: Given) -> None:
    assert unknown(expression, given) == [missing]


@pytest.mark.parametrize("expression", ["rat(usersync_healthy[5m])", '{job="x"}', 'usersync_healthy{a~"b"}', "a § b"])
def test_what_cannot_be_read_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        named(expression)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_for_how_long_and_what_it_means(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert all(rule["annotations"][name].strip() for name in ("summary", "description"))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_uses_labels_that_its_expression_keeps(rule: dict[str, Any]) -> None:
    used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))

    assert used <= set(named(rule["expr"]).grouped)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_a_heading_that_is_there(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")

    assert page == "docs/operations.md"
    assert anchor in anchors(OPERATIONS)


def test_no_two_alerts_have_one_name() -> None:
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_itself_can_read_the_rules() -> None:
    checked = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_has_a_title_a_unit_and_a_meaning(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["description"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_the_source_that_was_chosen(panel: dict[str, Any]) -> None:
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]

    assert {source["uid"] for source in sources} == {"${datasource}"}


def test_one_chooses_the_source_and_the_targets() -> None:
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["target"]["multi"]
    assert [panel["repeat"] for panel in DASHBOARD["panels"] if panel.get("repeat")] == ["target"]


def test_no_two_panels_have_one_id_or_lie_on_one_another() -> None:
    every = DASHBOARD["panels"]
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in every
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in every}) == len(every)
    assert len(set(cells)) == len(cells)
