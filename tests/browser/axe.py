"""What axe-core finds on a page, by WCAG 2 A and AA: https://github.com/dequelabs/axe-core, from a package that bundles it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from selenium.webdriver.remote.webdriver import WebDriver

DESK = {"width": 1400, "height": 840, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
_PHONES_ARE_BELOW = 500
_COLOURS = ["color-contrast"]
"""What is as it was before but for the theme is looked at by this rule alone."""
_SOURCE = (files("axe_playwright_python") / "axe.min.js").read_text()
_WITHOUT_MOTION = """
const still = document.createElement("style");
still.textContent = "*, *::before, *::after { animation: none !important; transition: none !important; }";
document.head.append(still);
"""
_THEME = "document.documentElement.classList.toggle('dark', arguments[0] === 'dark')"
"""unfold's own switch does the same."""
_CUT_OFF = """
return [...document.querySelectorAll(".sync, .sync *, #result_list, #result_list *, .simplebar-content-wrapper")].filter((element) =>
    element.checkVisibility() && element.clientWidth && element.scrollWidth > element.clientWidth + 1
    && !element.matches("input") && !element.closest(".sync-scroll, .sync-short")
).map((element) => `${element.tagName} ${element.className}: ${element.scrollWidth} in ${element.clientWidth}`);
"""
"""The parts of ours, and lists, that are wider than the place they have; but for what scrolls, or is shortened, on purpose."""
_RUN = """
const [known, rules, done] = arguments;
const only = rules ? {type: "rule", values: rules} : {type: "tag", values: ["wcag2a", "wcag2aa"]};
axe.run(document, {runOnly: only, resultTypes: ["violations"]}).then(({violations}) => done(violations.filter(
    ({impact}) => ["serious", "critical"].includes(impact)
).flatMap(({id, nodes}) => nodes.map(({target}) => {
    const element = document.querySelector(target[0]);
    return [id, target.join(" "), known.findIndex(([rule, selector]) => rule === id && element?.closest(selector))];
}))), (error) => done(String(error)));
"""


Looks = Sequence[tuple[dict[str, Any], Sequence[tuple[str, list[str] | None]]]]
"""Screens, and the themes of each with the rules that it is looked at by; None for all."""


class Known(NamedTuple):
    """A finding in what is not ours. ``selector``: of the element, or of one around it. ``reason``: why it stays."""

    rule: str
    selector: str
    reason: str


class Seen(NamedTuple):
    """``unknown``: serious and critical findings, as text. ``sideways``: where the page is wider than the screen. ``cut_off``: which
    parts of it are, and where, than the place they have.
    """

    unknown: set[str]
    known: set[Known]
    sideways: set[str]
    cut_off: set[str]


LIGHT, DARK = ("light", None), ("dark", _COLOURS)
LOOKS = ((DESK, (LIGHT, DARK)), (PHONE, (LIGHT,)))
"""The colours of both screens are the same ones, so the dark ones are looked at on one of them; some pages, on both."""
_WIDTHS = (1280, 390)


def look_closely(browser: WebDriver, known: Sequence[Known], looks: Looks = LOOKS) -> Seen:
    """The page that is open, on each of these screens with each of its themes."""
    seen = Seen(set(), set(), set(), set())
    for width in _WIDTHS:
        screen = DESK | {"width": width, "mobile": width < _PHONES_ARE_BELOW}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        seen.cut_off.update(f"{part} ({width})" for part in browser.execute_script(_CUT_OFF))
    browser.execute_script(_SOURCE + _WITHOUT_MOTION)
    for screen, themes in looks:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        for theme, rules in themes:
            preferred = {"name": "prefers-color-scheme", "value": theme}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preferred]})
            browser.execute_script(_THEME, theme)
            where = f"{screen['width']}, {theme}"
            for rule, selector, at in _findings(browser, known, rules):
                if at < 0:
                    seen.unknown.add(f"{rule}: {selector} ({where})")
                else:
                    seen.known.add(known[at])
        if browser.execute_script("return document.documentElement.scrollWidth > arguments[0]", screen["width"]):
            seen.sideways.add(where)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return seen


def _findings(browser: WebDriver, known: Sequence[Known], rules: list[str] | None) -> list[tuple[str, str, int]]:
    """Rule, selector, and which of the known ones it is; -1 for none."""
    answer: Any = browser.execute_async_script(_RUN, [[each.rule, each.selector] for each in known], rules)
    assert isinstance(answer, list), answer
    return [(rule, selector, at) for rule, selector, at in answer]
