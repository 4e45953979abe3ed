"""What a payer is told in a real browser when something does not work, and that it can be tried again."""

import pytest
from browser_tools import world
from site_tools import token

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_too_many_openings_are_refused_in_words(browser):
    async with world(browser, options={"opens_per_payer": 1}) as payer:
        await payer.visit()
        await payer.page.reload()
        assert await payer.message() == "many"
        assert payer.payer.opens == 1


@pytest.mark.parametrize("blocked", ["**/stripe.js", "**/open"])
async def test_without_a_connection_the_payer_is_told_that_nothing_was_sent_and_can_begin_again(browser, blocked):
    async with world(browser) as payer:
        await payer.page.route(blocked, lambda route: route.abort())
        await payer.page.goto(f"{payer.url}/s/{token()}")
        assert await payer.message() == "offline"
        await payer.page.unroute(blocked)
        await payer.page.get_by_role("button", name="Try again").click()
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")


async def test_what_stripe_js_will_not_take_leaves_no_form_that_waits_for_ever(browser):
    async with world(browser) as payer:
        made_up = '{"asks": "setup", "client_secret": "nonsense"}'
        await payer.page.route("**/open", lambda route: route.fulfill(body=made_up, content_type="application/json"))
        await payer.page.goto(f"{payer.url}/s/{token()}")
        assert await payer.message() == "later"
        assert await payer.page.get_by_role("button", name="Try again").is_visible()


async def test_a_frame_of_stripes_that_does_not_load_is_told_and_can_be_tried_again(browser):
    async with world(browser) as payer:
        await payer.page.route(f"{payer.sandbox}/v1/setup_intents/**", lambda route: route.abort())
        await payer.page.goto(f"{payer.url}/s/{token()}")
        assert await payer.message() == "later"
        await payer.page.unroute(f"{payer.sandbox}/v1/setup_intents/**")
        await payer.page.get_by_role("button", name="Try again").click()
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")


async def test_a_connection_lost_while_it_is_sent_claims_nothing_and_the_same_button_goes_on(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.page.route("**/confirm", lambda route: route.abort())
        await payer.type_card()
        await payer.save()
        assert await payer.message() == "later"
        await payer.page.unroute("**/confirm")
        await payer.save()
        await payer.heading("Saved. Thank you.")
