"""Who may see a page: a table, and the same over a socket."""

import asyncio
import socket

import pytest
from serve_tools import RUN, served

from billing.edge.serve.access import Access, Asking, refusal_of
from billing.edge.serve.site import HOST, PATHS

ACCESS = Access(8686)
PASS = f"{ACCESS.cookie}={ACCESS.passing}"
GOOD = {"method": "GET", "target": "/", "hosts": ("127.0.0.1:8686",), "cookies": PASS}


@pytest.mark.parametrize(
    ("status", "changed"),
    [
        (0, {}),
        (0, {"hosts": ("localhost:8686",)}),
        (0, {"hosts": ("[::1]:8686",)}),
        (0, {"hosts": ("LOCALHOST:8686",)}),
        (0, {"method": "HEAD"}),
        (0, {"site": "none"}),
        (0, {"site": "same-origin"}),
        (0, {"cookies": f"other=1; {PASS}"}),
        (0, {"cookies": "", "token": ACCESS.token}),
        (421, {"hosts": ()}),
        (421, {"hosts": ("127.0.0.1:8686", "evil.example")}),
        (421, {"hosts": ("evil.example",)}),
        (421, {"hosts": ("evil.example:8686",)}),
        (421, {"hosts": ("127.0.0.1",)}),
        (421, {"hosts": ("127.0.0.1:8687",)}),
        (421, {"hosts": ("127.0.0.1:8686.evil.example",)}),
        (421, {"hosts": ("127.0.0.1.evil.example:8686",)}),
        (421, {"hosts": ("evil@127.0.0.1:8686",)}),
        (421, {"hosts": ("0.0.0.0:8686",)}),
        (421, {"hosts": ("2130706433:8686",)}),
        (421, {"hosts": ("evil.example",), "method": "POST", "cookies": ""}),
        (405, {"method": "POST"}),
        (405, {"method": "PUT"}),
        (405, {"method": "PATCH"}),
        (405, {"method": "DELETE"}),
        (405, {"method": "OPTIONS"}),
        (405, {"method": "CONNECT"}),
        (405, {"method": "TRACE"}),
        (405, {"method": "get"}),
        (400, {"target": "http://127.0.0.1:8686/"}),
        (400, {"target": "*"}),
        (403, {"site": "cross-site"}),
        (403, {"site": "same-site"}),
        (403, {"site": "anything"}),
        (403, {"site": "cross-site", "token": ACCESS.token}),
        (403, {"cookies": ""}),
        (403, {"cookies": f"{ACCESS.cookie}="}),
        (403, {"cookies": f"{ACCESS.cookie}={ACCESS.token}"}),
        (403, {"cookies": f"billing_serve_8687={ACCESS.passing}"}),
        (403, {"cookies": "\udcff" * 9}),
        (403, {"cookies": f"x={'y' * 9_000}; {PASS}"}),
        (403, {"cookies": "", "token": ACCESS.token[:-1]}),
        (403, {"cookies": "", "token": ACCESS.passing}),
        (403, {"cookies": "", "token": "\udcff"}),
    ],
)
def test_whoever_is_not_let_in_is_told_so_by_one_status(status, changed):
    assert refusal_of(Asking(**(GOOD | changed)), ACCESS) == status


def test_two_servers_have_nothing_in_common():
    other = Access(8686)
    assert len({other.token, other.passing, ACCESS.token, ACCESS.passing}) == 4
    assert all(secret not in repr(ACCESS) for secret in (ACCESS.token, ACCESS.passing))


async def raw(port: int, request: bytes) -> bytes:
    """Send bytes, and return the answer to its end."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request)
    found = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return found


HOSTILE_REQUESTS = [
    (421, "GET / HTTP/1.1\r\nHost: evil.example\r\n{cookie}\r\n\r\n"),
    (421, "GET / HTTP/1.1\r\nHost: evil.example:{port}\r\n{cookie}\r\n\r\n"),
    (421, "GET /live/events?{run} HTTP/1.1\r\nHost: rebound.example:{port}\r\n{cookie}\r\n\r\n"),
    (400, "GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (405, "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\nContent-Length: 5\r\n\r\nhello"),
    (405, "OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\nOrigin: http://evil.example\r\n\r\n"),
    (405, "DELETE /run?{run} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (403, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"),
    (403, "GET /?token=wrong HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"),
    (403, "GET /live/events?{run} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"),
    (403, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\nSec-Fetch-Site: cross-site\r\n\r\n"),
    (404, "GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (404, "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (404, "GET /static/live.js HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (404, "GET /run/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (404, "GET //run?{run} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (404, "GET /run?id=%00 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (404, "GET /run?id=%ff%fe HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (404, "GET /item?run=coaching-2026-11&reference=%f0%9f HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (200, "GET /search?q=%ff%00%27%22%3c HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (200, "GET /run/lines?{run}&after=99999999999999999999 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (200, "GET /run/lines?{run}&after=-1&state=%3cb%3e HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (200, "GET /run?{run}&id=other HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (400, "GET /?{long} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\nX: {long}\r\n\r\n"),
    (400, "no request at all\r\n\r\n"),
]


async def test_what_is_sent_to_break_it_is_refused_and_told_nothing(hostile):
    async with served(hostile) as site:
        gaps = {
            "port": site.access.port,
            "cookie": f"Cookie: {site.cookie['Cookie']}\r\nConnection: close",
            "run": RUN,
            "long": "x" * 20_000,
        }
        for status, text in HOSTILE_REQUESTS:
            answer = await raw(site.access.port, text.format(**gaps).encode("latin-1"))
            assert answer[9:12] == b"%d" % status, (text, answer[:200])
            for secret in (site.access.token, site.access.passing, "Traceback", "Access-Control"):
                assert secret.encode() not in answer, text
        assert not [line for line in site.log.told if line["event"] == "serve_failed"]


async def test_every_answer_carries_what_keeps_others_out(hostile):
    async with served(hostile) as site:
        asked = [(path, site.cookie, 200 if path in ("/", "/search") else 404) for path in sorted(PATHS)]
        for path, headers, status in [*asked, ("/nowhere", site.cookie, 404), ("/", {}, 403)]:
            async with site.client.get(site.url + path, headers=headers) as answer:
                assert answer.status == status, path
                found = answer.headers
            assert found["Cache-Control"] == "no-store"
            assert found["Referrer-Policy"] == "no-referrer"
            assert found["X-Content-Type-Options"] == "nosniff"
            assert found["Cross-Origin-Resource-Policy"] == "same-origin"
            assert found["Cross-Origin-Opener-Policy"] == "same-origin"
            policy = found["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert ("form-action 'self'" in policy) == (path in ("/", "/search") and status == 200)
            assert "connect-src" not in policy
            assert not [name for name in found if name.lower().startswith("access-control")]


async def test_the_token_is_changed_for_a_cookie_that_no_script_and_no_other_site_gets(hostile):
    async with served(hostile) as site:
        for path in ("/", "/run?" + RUN):
            address = f"{site.url}{path}{'&' if '?' in path else '?'}token={site.access.token}"
            async with site.client.get(address, allow_redirects=False) as answer:
                assert answer.status == 303
                assert answer.headers["Location"] == path
                cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith(f"{site.access.cookie}={site.access.passing};")
            assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        status, page = await site.get("/")
        assert status == 200
        told = page + repr(site.log.told)
        assert site.access.token not in told
        assert site.access.passing not in told


async def test_nobody_is_sent_on_to_an_address_elsewhere(hostile):
    async with served(hostile) as site:
        for path in ("//evil.example", "///evil.example/", "/nowhere"):
            request = f"GET {path}?token={site.access.token} HTTP/1.1\r\nHost: 127.0.0.1:{site.access.port}\r\n"
            answer = await raw(site.access.port, f"{request}Connection: close\r\n\r\n".encode())
            assert answer[9:12] == b"404", path
            assert b"evil.example" not in answer


async def test_a_head_is_answered_without_a_body(hostile):
    async with served(hostile) as site, site.client.head(site.url + "/", headers=site.cookie) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_it_listens_on_this_machine_alone(hostile):
    async with served(hostile) as site:
        outside = [entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
        for address in {address for address in outside if not address.startswith("127.")} | {"127.0.0.2"}:
            with socket.socket() as other:
                other.settimeout(5)
                assert other.connect_ex((address, site.access.port)) != 0


async def test_whoever_sends_half_a_request_is_let_go(hostile, monkeypatch):
    monkeypatch.setattr("billing.edge.serve.site.IDLE", 0.3)
    async with served(hostile) as site:
        assert await raw(site.access.port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1") == b""


async def test_more_connections_than_a_person_has_are_turned_away(hostile, monkeypatch):
    monkeypatch.setattr("billing.edge.serve.site.MOST_CONNECTIONS", 4)
    async with served(hostile) as site:
        idle = [await asyncio.open_connection(HOST, site.access.port) for _ in range(5)]
        status, _ = await site.get("/")
        for _, writer in idle:
            writer.close()
        assert status == 503
