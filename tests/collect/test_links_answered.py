"""Which page a link is answered with, and that only a read of Stripe says "saved"."""

import pytest
from site_tools import ITEM, NOW, SECRET, Memory, served, token

from billing.core.money import Money
from billing.edge.collect.invitations import Answer, Asked, Opened

OVER_SECONDS_AGO = NOW - 1


def title(page) -> str:
    return page.text.partition("<h1>")[2].partition("</h1>")[0]


async def test_a_link_shows_who_asks_for_what_until_when_and_that_nothing_is_charged():
    async with served() as page:
        got = await page.get(f"/s/{token()}")
    assert got.status == 200
    for said in ("Northwind Coaching", "MEM-20417", "Coaching, billed monthly", "15 December 2026"):
        assert said in got.text
    assert "Nothing is charged today." in got.text
    assert title(got) == "Save a card"


async def test_looking_at_a_link_makes_nothing_at_stripe():
    async with served() as page:
        for _ in range(3):
            await page.get(f"/s/{token()}")
            await page.ask("HEAD", f"/s/{token()}")
        assert page.memory.opens == 0


async def test_the_day_on_which_a_link_ends_is_the_lines_own():
    async with served() as page:
        page.memory.change(timezone="Pacific/Auckland")
        got = await page.get(f"/s/{token()}")
    assert "16 December 2026" in got.text


async def test_a_first_payment_says_how_much_and_who_receives_it():
    async with served() as page:
        page.memory.change(payment=Money(190_000, "usd"))
        got = await page.get(f"/s/{token()}")
    assert "USD 1,900.00 is charged today. Northwind Coaching itself receives it." in got.text
    assert "Pay USD 1,900.00 and save" in got.text
    assert "Nothing is charged" not in got.text


async def test_whoever_saves_a_card_for_what_is_owed_is_told_that_it_is_charged_soon():
    async with served() as page:
        page.memory.change(owed=True)
        form = await page.get(f"/s/{token()}")
        done = await page.get(f"/s/{token()}/done")
    assert "What you owe now is charged to it within the next days." in form.text
    assert "charges what you owe now to it within the next days." in done.text
    assert "Nothing is charged today" not in form.text
    assert "next bill" not in done.text


@pytest.mark.parametrize(
    ("link", "status", "heading"),
    [
        (token(end=OVER_SECONDS_AGO), 410, "This link has expired"),
        (token(key=b"x" * 32), 404, "This link is not valid"),
        (token()[:-1], 404, "This link is not valid"),
        (token(item="a" * 32), 404, "This link is not valid"),
        ("billing", 404, "This link is not valid"),
    ],
)
async def test_an_expired_link_and_one_that_we_never_made_are_different_pages_and_neither_has_a_form(
    link, status, heading
):
    async with served() as page:
        got = await page.get(f"/s/{link}")
        opened = await page.open(link)
        assert page.memory.opens == 0
    assert (got.status, title(got)) == (status, heading)
    assert 'id="form"' not in got.text
    assert SECRET not in opened.text


async def test_a_page_for_a_link_that_is_not_ours_says_nothing_of_any_payer():
    async with served() as page:
        got = await page.get(f"/s/{token(key=b'x' * 32)}")
    assert "MEM-20417" not in got.text


@pytest.mark.parametrize(
    ("answer", "heading"),
    [
        (Answer.SAVED, "Already done"),
        (Answer.CLOSED, "This link is closed"),
        (Answer.STUCK, "We have to look at this"),
        (Answer.PROCESSING, "Your bank has not answered yet"),
    ],
)
async def test_a_link_of_which_nothing_is_left_to_do_has_no_form(answer, heading):
    async with served() as page:
        page.memory.change(answer=answer)
        got = await page.get(f"/s/{token()}")
    assert title(got) == heading
    assert 'id="form"' not in got.text


async def test_a_finished_link_says_so_even_when_its_time_is_over():
    async with served() as page:
        page.memory.change(answer=Answer.SAVED)
        got = await page.get(f"/s/{token(end=OVER_SECONDS_AGO)}")
    assert title(got) == "Already done"


@pytest.mark.parametrize("status", ["succeeded", "failed", "pending", ""])
@pytest.mark.parametrize(
    ("after", "heading"),
    [
        (Answer.SAVED, "Saved. Thank you."),
        (Answer.OPEN, "You did not confirm."),
        (Answer.DECLINED, "Your bank did not accept this."),
        (Answer.PROCESSING, "Your bank has not answered yet"),
        (Answer.LATER, "This does not work just now."),
    ],
)
async def test_the_page_after_the_form_says_what_was_read_whatever_its_address_says(status, after, heading):
    query = f"?setup_intent=seti_1&setup_intent_client_secret={SECRET}&redirect_status={status}"
    async with served(memory=Memory(after=after)) as page:
        stripped = await page.get(f"/s/{token()}/done{query}")
        got = await page.get(stripped.headers["Location"])
    assert stripped.status == 303
    assert stripped.headers["Location"] == f"/s/{token()}/done"
    assert title(got) == heading


async def test_a_bank_account_that_may_need_small_deposits_is_told_what_comes():
    async with served(memory=Memory(after=Answer.PROCESSING)) as page:
        page.memory.change(types=("us_bank_account",))
        got = await page.get(f"/s/{token()}/done")
    assert title(got) == "One step may be left"


async def test_a_paid_first_payment_is_called_paid():
    async with served(memory=Memory(after=Answer.SAVED)) as page:
        page.memory.change(payment=Money(1999, "eur"))
        got = await page.get(f"/s/{token()}/done?lang=de")
    assert title(got) == "Bezahlt und gespeichert. Vielen Dank."
    assert "19,99 EUR" in got.text


@pytest.mark.parametrize(
    ("return_url", "shown"),
    [("https://northwind.example/home?a=b", True), ("javascript:alert(1)", False), ("", False)],
)
async def test_a_payer_who_has_finished_may_go_on_to_where_the_line_says(return_url, shown):
    async with served(memory=Memory(after=Answer.SAVED)) as page:
        page.memory.change(return_url=return_url)
        done = await page.get(f"/s/{token()}/done")
        page.memory.change(answer=Answer.SAVED)
        used = await page.get(f"/s/{token()}")
        page.memory.change(answer=Answer.OPEN)
        form = await page.get(f"/s/{token()}")
    for got in (done, used):
        assert ('href="https://northwind.example/home?a=b"' in got.text) is shown
        assert (">Continue</a>" in got.text) is shown
        assert "javascript:" not in got.text
    assert "northwind.example/home" not in form.text


async def test_who_comes_back_unsaved_after_the_links_end_is_told_that_it_has_expired():
    async with served(memory=Memory(after=Answer.OPEN)) as page:
        got = await page.get(f"/s/{token(end=OVER_SECONDS_AGO)}/done")
    assert title(got) == "This link has expired"


async def test_the_secret_is_given_to_the_form_and_to_nothing_else():
    async with served() as page:
        shown = await page.get(f"/s/{token()}")
        opened = await page.open(token())
    assert SECRET not in shown.text
    assert opened.status == 200
    assert opened.text == f'{{"asks": "setup", "client_secret": "{SECRET}"}}'
    assert SECRET not in repr(Opened("setup", SECRET))


@pytest.mark.parametrize(
    ("found", "status", "told"),
    [
        (Answer.SAVED, 200, '{"go": "done"}'),
        (Answer.PROCESSING, 200, '{"go": "done"}'),
        (Answer.CLOSED, 200, '{"go": "done"}'),
        (Answer.LATER, 503, '{"say": "later"}'),
    ],
)
async def test_a_form_for_which_there_is_no_secret_is_told_where_to_go(found, status, told):
    async with served(memory=Memory(opened=found)) as page:
        got = await page.open(token())
    assert (got.status, got.text) == (status, told)


async def test_every_text_of_a_line_is_text_on_its_page():
    hostile = '"><script>x</script><img src=x onerror=x>{{7*7}}{business}'
    async with served(memory=Memory({ITEM: Asked(hostile, hostile, hostile)})) as page:
        got = await page.get(f"/s/{token()}")
        over = await page.get(f"/s/{token(end=OVER_SECONDS_AGO)}")
    for found in (got, over):
        assert "<img" not in found.text
        assert "<script>" not in found.text
    assert "{{7*7}}{business}" in got.text
