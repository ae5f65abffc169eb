"""What a page says to whoever reads it: its texts, and those that appear over or in place of something."""

from __future__ import annotations

from html.parser import HTMLParser

_SILENT = {"script", "style", "template", "code"}
_SAID_BY = ("title", "placeholder", "aria-label", "alt")
_BUTTONS = ("submit", "button", "reset")


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        # The icons of unfold are words that its font draws as pictures.
        icon = "material-symbols-outlined" in (given.get("class") or "")
        if tag in _SILENT or self._silent or icon:
            self._silent.append(tag)
            if tag in ("input", "img", "br", "meta", "link"):
                self._silent.pop()
        self.texts += [text for name in _SAID_BY if (text := given.get(name))]
        if tag == "input" and given.get("type") in _BUTTONS and (value := given.get("value")):
            self.texts.append(value)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # the parser's signature
        if self._silent:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and (text := " ".join(data.split())):
            self.texts.append(text)


def shown(page: str) -> list[str]:
    """The texts of a page of HTML, in their order."""
    texts = _Texts()
    texts.feed(page)
    return texts.texts
