"""The pages: which sentences a state shows, and the templates that put them into HTML, everything escaped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing.edge.collect.invitations import Asked
from billing.edge.collect.options import CollectOptions
from billing.edge.collect.texts import Language

HERE = Path(__file__).parent
STATIC_TYPES: Mapping[str, str] = {"collect.css": "text/css", "collect.js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class Notice:
    """A page without a form: what it says, by the names of its sentences.

    Attributes:
        status: of HTTP.
        icon: ``done``, ``way``, ``clock`` or ``warn``.
        title, text: sentences.
        calm: a sentence set apart; empty for none.
        act: ``again`` (the form), ``look`` (this page once more), ``write`` (an e-mail to the business), ``on`` (where
            the line wants a payer who has finished to go), or nothing.
        act_text: the sentence on it.
    """

    status: int
    icon: str
    title: str
    text: str
    calm: str = ""
    act: str = ""
    act_text: str = ""


NOTICES: Mapping[str, Notice] = {
    "saved": Notice(200, "done", "saved_title", "saved_text", "close", "on", "go_on"),
    "owed": Notice(200, "done", "saved_title", "owed_text", "close", "on", "go_on"),
    "paid": Notice(200, "done", "paid_title", "paid_text", "close", "on", "go_on"),
    "used": Notice(200, "done", "used_title", "used_text", "used_calm", "on", "go_on"),
    "verify": Notice(200, "way", "verify_title", "verify_text", "verify_calm"),
    "waiting": Notice(200, "way", "waiting_title", "waiting_text", "", "look", "look_again"),
    "cancelled": Notice(200, "warn", "cancelled_title", "cancelled_text", "", "again", "again"),
    "declined": Notice(200, "warn", "declined_title", "declined_text", "", "again", "again"),
    "closed": Notice(410, "clock", "closed_title", "closed_text", "", "write", "write_us"),
    "expired": Notice(410, "clock", "expired_title", "expired_text", "", "write", "ask_new"),
    "stuck": Notice(200, "warn", "stuck_title", "stuck_text", "", "write", "write_us"),
    "later": Notice(503, "warn", "later_title", "later_text", "", "look", "again"),
    "many": Notice(429, "clock", "many_title", "many_text"),
    "unknown": Notice(404, "warn", "unknown_title", "unknown_text", "", "write", "ask_new"),
    "missing": Notice(404, "warn", "missing_title", "missing_text"),
    "refused": Notice(405, "warn", "missing_title", "missing_text"),
    "broken": Notice(500, "warn", "broken_title", "broken_text"),
}
MESSAGES = ("declined", "cancelled", "invalid", "many", "offline", "later")
# What the form may have to say above its button: each a title and a text.


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page is made for.

    Attributes:
        language: of the page.
        picked: whether the payer chose it, so that it is kept in addresses.
        token: of the link; empty where there is none.
        asked: what for, if that is known.
        until: when the link ends, in the zone of its run; None where that is not known.
    """

    language: Language
    picked: bool = False
    token: str = ""
    asked: Asked | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Pages:
    """Makes pages. The static files have their content's hash in their address, so that browsers may keep them."""

    options: CollectOptions
    languages: Mapping[str, Language]
    statics: dict[str, tuple[str, bytes]] = field(init=False)
    _environment: Environment = field(init=False)
    _addresses: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self.statics, self._addresses = {}, {}
        for name, kind in STATIC_TYPES.items():
            content = (HERE / "static" / name).read_bytes()
            stem, _, ending = name.partition(".")
            named = f"{stem}.{sha256(content).hexdigest()[:12]}.{ending}"
            self.statics[named] = (kind, content)
            self._addresses[name] = f"/static/{named}"

    def form(self, visit: Visit) -> str:
        """Return the page with the form."""
        return self._page("form.html", visit, messages=MESSAGES)

    def notice(self, name: str, visit: Visit) -> tuple[int, str]:
        """Return status and text of a page without a form."""
        notice = NOTICES[name]
        return notice.status, self._page("notice.html", visit, notice=notice)

    def _page(self, template: str, visit: Visit, **more: Any) -> str:  # noqa: ANN401  what the template takes
        language, asked, options = visit.language, visit.asked, self.options
        values = {"business": options.business, "support": options.support}
        values["date"] = language.date(visit.until.date()) if visit.until else ""
        values["amount"] = language.amount(asked.payment) if asked and asked.payment else ""

        def say(name: str) -> str:
            return language.say(name, **values)

        found = self._environment.get_template(template)
        return found.render(
            visit=visit, asked=asked, options=options, say=say, statics=self._addresses, languages=self.languages,
            until=values["date"], back=f"/s/{visit.token}{f'?lang={language.code}' if visit.picked else ''}", **more,
        )  # fmt: skip
