"""How often the form may be opened, by whom, and whose word counts about that."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from site_tools import ITEM, OPTIONS, Memory, served, token

from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.edge.collect.invitations import Answer, Asked
from billing.edge.collect.limits import HOUR, HourlyLimit, household

HTTPS = replace(OPTIONS, public_url="https://pay.example.com", proxies=(ip_network("127.0.0.0/8"),))
OTHER = item_id(Mode.TEST, "acct_P", "", "MEM-2", 0, Kind.PAYER)
PAYER, PROXY = "203.0.113.9", "127.0.0.1"


# --- how often


async def test_one_payer_opens_the_form_so_many_times_an_hour_and_the_next_hour_again():
    async with served(replace(OPTIONS, opens_per_payer=3)) as page:
        page.memory.asked[OTHER] = Asked("MEM-2")
        found = [(await page.open(token())).status for _ in range(5)]
        other = (await page.open(token(OTHER))).status
        page.ticks[0] += HOUR
        later = (await page.open(token())).status
        assert page.memory.opens == 5
    assert (found, other, later) == ([200, 200, 200, 429, 429], 200, 200)


async def test_one_address_opens_so_many_forms_an_hour_whichever_payers_they_are():
    options = replace(HTTPS, opens_per_address=2)
    proxied = {"X_Forwarded_Proto": "https"}
    async with served(options) as page:
        page.memory.asked[OTHER] = Asked("MEM-2")
        found = [
            (await page.open(token(item), **proxied, X_Forwarded_For=PAYER)).status for item in (ITEM, OTHER, ITEM)
        ]
        elsewhere = (await page.open(token(), **proxied, X_Forwarded_For="203.0.113.10")).status
    assert (found, elsewhere) == ([200, 200, 429], 200)


async def test_an_opening_that_was_refused_counts_nothing_so_that_nobody_is_shut_out_for_trying():
    async with served(replace(OPTIONS, opens_per_payer=2, opens_per_address=3)) as page:
        page.memory.asked[OTHER] = Asked("MEM-2")
        first = [(await page.open(token())).status for _ in range(2)]
        page.ticks[0] += HOUR - 1
        refused = [(await page.open(token())).status for _ in range(4)]
        other = (await page.open(token(OTHER))).status
        page.ticks[0] += 1
        later = (await page.open(token())).status
    assert (first, refused, other, later) == ([200, 200], [429] * 4, 200, 200)


async def test_a_page_that_is_loaded_without_end_reads_no_more_at_stripe_and_what_is_on_record_needs_no_read():
    async with served(replace(OPTIONS, opens_per_payer=1), Memory(after=Answer.PROCESSING)) as page:
        found = [(await page.get(f"/s/{token()}/done")).status for _ in range(6)]
        page.memory.change(answer=Answer.SAVED)
        saved = await page.get(f"/s/{token()}/done")
        assert page.memory.reads == 3
    assert found == [200, 200, 200, 429, 429, 429]
    assert "Saved. Thank you." in saved.text


def test_an_ipv6_customer_counts_once_whichever_of_its_addresses_it_takes():
    assert household("2001:db8:1:2:3:4:5:6") == household("2001:db8:1:2::") != household("2001:db8:1:3::")
    assert household("::ffff:203.0.113.9") == household("203.0.113.9") == "203.0.113.9"
    assert household("unix") == "unix"


def test_a_limit_counts_the_last_hour_and_forgets_who_was_not_seen_for_long(monkeypatch):
    limit = HourlyLimit(2)
    for now in (0.0, 10.0):
        assert limit.allows("a", now)
        limit.take("a", now)
    assert not limit.allows("a", HOUR - 1)
    assert limit.allows("a", HOUR)
    monkeypatch.setattr("billing.edge.collect.limits.MOST_NAMES", 3)
    for name in "bcde":
        limit.take(name, 20.0)
    assert limit.allows("a", 21.0)


# --- behind a proxy


async def test_nobody_is_believed_about_addresses_or_https_unless_named():
    async with served(replace(OPTIONS, opens_per_address=1)) as page:
        first = await page.open(token(), X_Forwarded_For="203.0.113.1")
        second = await page.open(token(), X_Forwarded_For="203.0.113.2")
    assert (first.status, second.status) == (200, 429)
    async with served(replace(HTTPS, proxies=(ip_network("10.0.0.0/8"),))) as page:
        got = await page.get(f"/s/{token()}", X_Forwarded_Proto="https")
    assert got.status == 308


@pytest.mark.parametrize("invented", ["", "198.51.100.7, ", "rubbish, ", "127.0.0.1, "])
async def test_what_a_payer_writes_before_the_proxys_own_entry_counts_nothing(invented):
    async with served(replace(HTTPS, opens_per_address=1)) as page:
        ways = [f"{invented}{PAYER}", f"9.9.9.9, {PAYER}", f"8.8.8.8, {PAYER}, {PROXY}"]
        found = [(await page.open(token(), X_Forwarded_Proto="https", X_Forwarded_For=way)).status for way in ways]
    assert found == [200, 429, 429]


async def test_what_came_by_plain_http_is_sent_to_https_and_gets_nothing():
    async with served(HTTPS) as page:
        plain = await page.get(f"/s/{token()}?lang=de", X_Forwarded_Proto="http")
        direct = await page.get(f"/s/{token()}")
        post = await page.open(token(), X_Forwarded_Proto="http")
        health = await page.get("/healthz")
        secure = await page.get(f"/s/{token()}", X_Forwarded_Proto="https")
        assert page.memory.opens == 0
    assert (plain.status, plain.headers["Location"]) == (308, f"https://pay.example.com/s/{token()}?lang=de")
    assert (direct.status, post.status) == (308, 403)
    assert (health.status, health.text) == (200, "ok\n")
    assert secure.status == 200
    for got in (plain, direct, post, health, secure):
        assert got.headers["Strict-Transport-Security"] == "max-age=63072000"
