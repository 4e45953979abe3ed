"""A provider that answers at once: canned bodies over a real socket, so that only the client's own cost is measured.

It keeps just enough of each intent to answer the way `core.classify` wants to hear it, and checks nothing. Run as
``python -m tests.bench.instant``; it prints its port, serves until its stdin closes, and costs a core of its own.
"""

import asyncio
import itertools
import json
import sys
from email.utils import formatdate
from urllib.parse import parse_qsl

import uvloop

HEAD_END = b"\r\n\r\n"
_numbers = itertools.count(1)
_intents: dict[str, dict] = {}


def _head(size: int) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n"
        f"Date: {formatdate(usegmt=True)}\r\nRequest-Id: req_{next(_numbers):014d}\r\n"
        "Stripe-Version: 2026-09-30.endive\r\n\r\n"
    ).encode()


def _open(form: dict[str, str]) -> dict:
    metadata = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
    intent = {
        "id": f"pi_{next(_numbers):024d}", "object": "payment_intent", "amount": int(form["amount"]),
        "amount_received": 0, "currency": form["currency"], "livemode": False, "metadata": metadata,
        "status": "requires_payment_method", "latest_charge": None, "last_payment_error": None,
        "application_fee_amount": int(form["application_fee_amount"]) if "application_fee_amount" in form else None,
        "description": form.get("description"), "payment_method_types": ["card"], "created": 1790000000,
        "client_secret": "withheld", "capture_method": "automatic_async", "confirmation_method": "automatic",
    }  # fmt: skip
    if form.get("confirm") == "true":
        return _paid(intent)
    _intents[intent["id"]] = intent
    return intent


def _paid(intent: dict) -> dict:
    return intent | {
        "status": "succeeded", "amount_received": intent["amount"], "latest_charge": f"ch_{next(_numbers):024d}"
    }  # fmt: skip


def _confirm(path: str) -> dict:
    return _paid(_intents.pop(path.split("/")[3]))


def _clone(form: dict[str, str]) -> dict:
    return {
        "id": f"pm_{next(_numbers):024d}", "object": "payment_method", "livemode": False, "customer": None,
        "type": "card", "metadata": {}, "created": 1790000000, "card": {"brand": "visa", "exp_year": 2030},
    }  # fmt: skip


LISTS = ("/v1/payment_intents", "/v1/accounts", "/v1/payment_methods", "/v1/customers")
# All of them empty: nobody has opened anything here before, and each account is asked for by its name.


def _account(path: str) -> dict:
    asked = path.partition("?")[0].rpartition("/")[2]
    name = asked if asked.startswith("acct_") else "acct_1Bench"
    return {"id": name, "object": "account", "country": "US", "default_currency": "usd", "charges_enabled": True}


def answer(path: str, body: bytes) -> bytes:
    """Return the JSON body for one request."""
    if path.endswith("/confirm"):
        found = _confirm(path)
    elif not body:
        bare = path.partition("?")[0]
        found = {"object": "list", "url": bare, "has_more": False, "data": []} if bare in LISTS else _account(path)
    else:
        form = dict(parse_qsl(body.decode()))
        found = _open(form) if "amount" in form else _clone(form)
    return json.dumps(found).encode()


class Instant(asyncio.Protocol):
    """One connection, requests one after another."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(HEAD_END)) >= 0:
            head = self._buffer[:end]
            size = _length(head)
            if len(self._buffer) < end + 4 + size:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + size], self._buffer[end + 4 + size :]
            found = answer(head.split(b" ", 2)[1].decode(), body)
            self._transport.write(_head(len(found)) + found)


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  whoever started it reads this
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve())
