"""What is answered to whom: each link read, each page chosen, each opening counted."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from billing.core.links import Link, read_link
from billing.edge.collect.invitations import Answer, Asked, Invitations, Opened
from billing.edge.collect.limits import HourlyLimit, household
from billing.edge.collect.options import CollectOptions
from billing.edge.collect.pages import Pages, Visit
from billing.edge.collect.texts import chosen, load_languages

HTML, JSON, TEXT = "text/html", "application/json", "text/plain"
KEPT = "public, max-age=31536000, immutable"
# Of a file whose address has the hash of its content.
READS_PER_OPENING = 3
# A payer comes back once from each opening, and may look again; a page that is loaded without end reads no more.
BY_ANSWER: dict[Answer, str] = {
    Answer.OPEN: "cancelled",  # who comes back without having confirmed
    Answer.DECLINED: "declined",
    Answer.PROCESSING: "waiting",
    Answer.SAVED: "saved",
    Answer.CLOSED: "closed",
    Answer.STUCK: "stuck",
    Answer.LATER: "later",
}
# What the page after the form says.
OVER: dict[Answer, str] = {Answer.SAVED: "used", Answer.CLOSED: "closed", Answer.STUCK: "stuck"}
# What the link itself says when there is nothing left to ask for.


def answer(status: int, body: str | bytes, kind: str = HTML, **headers: str) -> web.Response:
    """Return an answer; a page is never cached unless ``headers`` say so."""
    raw = body.encode() if isinstance(body, str) else body
    found = web.Response(status=status, body=raw, content_type=kind, charset=None if kind == JSON else "utf-8")
    found.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return found


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request, as far as it matters here.

    Attributes:
        token: of the link.
        lang: what the payer chose on the page; empty unless it is a language of ours.
        accepted: the browser's ``Accept-Language``.
        address: of whoever asks.
    """

    token: str
    lang: str
    accepted: str
    address: str


@dataclass(slots=True)
class Site:
    """The page and its answers.

    Attributes:
        options: how it is served.
        invitations: the program behind it.
        link_key: what links are signed with.
        now: seconds since 1970.
        ticks: seconds of a clock that never goes back.
    """

    options: CollectOptions
    invitations: Invitations
    link_key: bytes
    now: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    pages: Pages = field(init=False)
    _payers: HourlyLimit = field(init=False)
    _addresses: HourlyLimit = field(init=False)
    _reads: HourlyLimit = field(init=False)

    def __post_init__(self) -> None:
        self.pages = Pages(self.options, load_languages(self.options.own_words))
        self._payers = HourlyLimit(self.options.opens_per_payer)
        self._addresses = HourlyLimit(self.options.opens_per_address)
        self._reads = HourlyLimit(READS_PER_OPENING * self.options.opens_per_payer)

    async def form(self, arrival: Arrival) -> web.Response:
        """Answer a link: the form, or why there is none. Nothing is made at Stripe: mail programs open links, too."""
        link, visit = await self._arrived(arrival)
        if link is None or visit.asked is None:
            return self.notice("unknown", visit)
        if visit.asked.answer in OVER:
            return self.notice(OVER[visit.asked.answer], visit)
        if visit.asked.answer is Answer.PROCESSING:
            return self.notice(_after(visit.asked.answer, visit.asked), visit)
        if link.is_over(self.now()):
            return self.notice("expired", visit)
        return answer(200, self.pages.form(visit))

    async def open(self, arrival: Arrival) -> web.Response:
        """Answer the form's script: the secret for Stripe.js, ``go`` to the page after, or ``say`` one of its messages.

        An opening that is refused counts nothing, else whoever goes on trying would never be let in again.
        """
        link, visit = await self._arrived(arrival)
        if link is None or visit.asked is None:
            return _told(404, say="later")
        if link.is_over(self.now()):
            return _told(410, go="done")
        names = ((self._payers, link.item), (self._addresses, household(arrival.address)))
        if not all(limit.allows(name, self.ticks()) for limit, name in names):
            return _told(429, say="many")
        for limit, name in names:
            limit.take(name, self.ticks())
        found = await self.invitations.open(link.item)
        if isinstance(found, Opened):
            return _told(200, asks=found.asks, client_secret=found.client_secret)
        return _told(503, say="later") if found is Answer.LATER else _told(200, go="done")

    async def done(self, arrival: Arrival) -> web.Response:
        """Answer whoever comes back from the form or the bank, by reading how it stands at Stripe."""
        link, visit = await self._arrived(arrival)
        if link is None or visit.asked is None:
            return self.notice("unknown", visit)
        if visit.asked.answer is Answer.SAVED:
            return self.notice(_after(Answer.SAVED, visit.asked), visit)
        if not self._reads.allows(link.item, self.ticks()):
            return self.notice("many", visit)
        self._reads.take(link.item, self.ticks())
        found = await self.invitations.outcome(link.item)
        if found in (Answer.OPEN, Answer.DECLINED) and link.is_over(self.now()):
            return self.notice("expired", visit)
        return self.notice(_after(found, visit.asked), visit)

    def done_address(self, arrival: Arrival) -> str:
        """Return the address of that page without what Stripe adds to it: the client secret is among that."""
        return f"/s/{arrival.token}/done" + (f"?{urlencode({'lang': arrival.lang})}" if arrival.lang else "")

    def language_of(self, lang: str) -> str:
        """Return what a payer chose, if it is a language of ours."""
        return lang if lang in self.pages.languages else ""

    def notice(self, name: str, visit: Visit) -> web.Response:
        """Return a page without a form."""
        status, page = self.pages.notice(name, visit)
        return answer(status, page)

    def without_link(self, name: str, accepted: str) -> web.Response:
        """Return a page for somebody of whom nothing is known."""
        language = chosen(self.pages.languages, asked="", locale="", accepted=accepted)
        return self.notice(name, Visit(language))

    async def _arrived(self, arrival: Arrival) -> tuple[Link | None, Visit]:
        """Return what a link says, and what its page is made for."""
        link = read_link(self.link_key, arrival.token)
        asked = await self.invitations.look(link.item) if link else None
        language = chosen(
            self.pages.languages, asked=arrival.lang, locale=asked.locale if asked else "", accepted=arrival.accepted
        )
        if link is None or asked is None:
            return None, Visit(language)
        until = datetime.fromtimestamp(link.end, ZoneInfo(asked.timezone))
        return link, Visit(language, bool(arrival.lang), arrival.token, asked, until)


def _after(found: Answer, asked: Asked) -> str:
    """Return which page says what became of it."""
    if found is Answer.SAVED and asked.payment:
        return "paid"
    if found is Answer.SAVED and asked.owed:
        return "owed"
    if found is Answer.PROCESSING and "us_bank_account" in asked.types and not asked.payment:
        return "verify"
    return BY_ANSWER[found]


def _told(status: int, **facts: str) -> web.Response:
    return answer(status, json.dumps(facts), JSON)
