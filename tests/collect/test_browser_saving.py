"""A payer saves a card in a real browser, in front of a sandbox with a stand-in for Stripe.js: each way it may go."""

import asyncio

import pytest
from browser_tools import ASKS_FOR_3DS, DECLINED, GOOD, world
from site_tools import NOW, token

from billing.core.money import Money

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_good_card_is_saved_and_nothing_broke_the_policy(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")
        assert await payer.status() == "succeeded"
        assert payer.page.url == f"{payer.url}/s/{token()}/done"
        assert payer.said == []


async def test_no_address_of_ours_and_no_line_of_our_log_ever_holds_the_secret_or_the_number(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card(ASKS_FOR_3DS)
        await payer.save()
        await payer.page.get_by_role("button", name="Complete").click()
        await payer.heading("Saved. Thank you.")
        secret = (await payer.payer.read())["client_secret"]
        ours = [address for _, address in payer.sent if address.startswith(payer.url)]
        # Stripe itself adds the secret to the address it returns to; that one is answered with the way to one without.
        assert [address.partition("?")[0] for address in ours if secret in address] == [f"{payer.url}/s/{token()}/done"]
        assert payer.page.url == f"{payer.url}/s/{token()}/done"
        assert secret not in await payer.page.content()
        assert secret not in repr(payer.log)
        assert GOOD not in repr(payer.log)
        assert all(address.startswith((payer.url, payer.sandbox)) for _, address in payer.sent)
        kept_by_browser = await payer.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert kept_by_browser == "[{},{}]"
        assert not await payer.context.cookies()


async def test_a_declined_card_is_said_above_the_button_and_another_one_is_saved(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card(DECLINED)
        await payer.save()
        assert await payer.message() == "declined"
        assert await payer.page.locator("#save").get_attribute("aria-disabled") == "false"
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")
        assert payer.payer.opens == 1


async def test_a_number_that_is_none_is_said_and_nothing_is_sent(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card("4242424242424241")
        await payer.save()
        assert await payer.message() == "invalid"
        assert payer.confirms() == 0


@pytest.mark.parametrize("modal", [False, True], ids=["a page of the bank", "a window over ours"])
async def test_a_card_whose_bank_asks_is_saved_once_the_payer_has_confirmed(browser, modal):
    async with world(browser, modal=modal) as payer:
        await payer.visit()
        await payer.type_card(ASKS_FOR_3DS)
        await payer.save()
        asked = payer.page.frame_locator('iframe[title="Secure 3D authentication frame"]') if modal else payer.page
        await asked.get_by_role("button", name="Complete").click()
        await payer.heading("Saved. Thank you.")
        assert await payer.status() == "succeeded"
        assert payer.page.url == f"{payer.url}/s/{token()}/done"


async def test_a_payer_who_does_not_confirm_at_the_bank_is_not_saved_and_may_try_again(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card(ASKS_FOR_3DS)
        await payer.save()
        await payer.page.get_by_role("button", name="Fail").click()
        await payer.heading("Your bank did not accept this.")
        await payer.page.get_by_role("link", name="Try again").click()
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")
        assert (await payer.status(), payer.confirms()) == ("succeeded", 2)


async def test_a_payer_who_does_not_confirm_in_the_banks_window_is_told_so_and_may_try_again(browser):
    async with world(browser, modal=True) as payer:
        await payer.visit()
        await payer.type_card(ASKS_FOR_3DS)
        await payer.save()
        window = payer.page.frame_locator('iframe[title="Secure 3D authentication frame"]')
        await window.get_by_role("button", name="Fail").click()
        assert await payer.message() == "cancelled"
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")


async def test_an_address_that_claims_success_saves_nothing(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.visit("/done?redirect_status=succeeded&setup_intent=seti_1")
        await payer.heading("You did not confirm.")
        assert payer.page.url.endswith("/done")
        assert await payer.status() == "requires_payment_method"


async def test_a_payer_who_left_finds_the_same_invitation_another_day(browser):
    async with world(browser) as payer:
        await payer.visit()
        first = payer.payer.intent
        await payer.page.goto("about:blank")
        await payer.visit()
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")
        assert payer.payer.intent == first


@pytest.mark.parametrize(
    ("link", "heading"),
    [(token(end=NOW - 1), "This link has expired"), (token(key=b"x" * 32), "This link is not valid")],
    ids=["expired", "forged"],
)
async def test_a_link_that_is_over_or_was_never_ours_asks_nobody_for_anything(browser, link, heading):
    async with world(browser) as payer:
        await payer.visit(link=link)
        await payer.heading(heading)
        assert payer.payer.opens == 0
        assert all(address.startswith(payer.url) for _, address in payer.sent)


async def test_a_finished_link_says_so_and_shows_no_form_again(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")
        await payer.visit()
        await payer.heading("Already done")
        assert await payer.page.locator("iframe").count() == 0
        assert payer.payer.opens == 1


async def test_a_form_that_was_finished_in_another_tab_goes_to_what_came_of_it(browser):
    async with world(browser) as payer:
        await payer.visit()
        other = await payer.context.new_page()
        mine, payer.page = payer.page, other
        await payer.visit()
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")
        payer.page = mine
        await payer.type_card()
        await payer.save()
        await payer.heading("Saved. Thank you.")
        assert await payer.status() == "succeeded"


async def test_what_stripe_has_saved_and_nobody_has_read_yet_is_read_instead_of_asked_for_again(browser):
    async with world(browser) as payer:
        await payer.visit()
        path = f"/v1/setup_intents/{payer.payer.intent}/confirm"
        await payer.payer.ask("POST", path, payment_method="pm_card_visa")
        await payer.page.goto(f"{payer.url}/s/{token()}")
        await payer.heading("Saved. Thank you.")
        assert await payer.page.locator("iframe").count() == 0


async def test_a_second_click_does_nothing(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card()
        await payer.page.locator("#save").dblclick()
        await payer.heading("Saved. Thank you.")
        assert payer.confirms() == 1


async def test_while_it_works_the_button_keeps_its_place_and_says_so(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.type_card()
        before = await payer.page.locator("#save").bounding_box()
        go_on = asyncio.Event()

        async def held(route):
            await go_on.wait()
            await route.continue_()

        await payer.page.route("**/confirm", held)
        await payer.save()
        busy = payer.page.locator("#save[aria-disabled=true]")
        await busy.wait_for()
        assert await busy.bounding_box() == before
        assert (await busy.inner_text()).strip() == "Please wait"
        go_on.set()
        await payer.heading("Saved. Thank you.")


async def test_the_way_back_from_saved_shows_no_form(browser):
    async with world(browser) as payer:
        await payer.page.goto("about:blank")
        await payer.visit()
        await payer.type_card(ASKS_FOR_3DS)
        await payer.save()
        await payer.page.get_by_role("button", name="Complete").click()
        await payer.heading("Saved. Thank you.")
        for _ in range(3):  # over the bank's pages to the link
            await payer.page.go_back()
            if payer.page.url == f"{payer.url}/s/{token()}":
                break
        await payer.heading("Already done")
        assert await payer.page.locator("iframe").count() == 0


async def test_a_first_payment_is_made_and_its_card_saved(browser):
    async with world(browser, payment=Money(190_000, "usd")) as payer:
        await payer.visit()
        await payer.type_card()
        await payer.page.get_by_role("button", name="Pay USD 1,900.00 and save").click()
        await payer.heading("Paid and saved. Thank you.")
        assert await payer.status() == "succeeded"


async def test_a_bank_account_shows_its_own_terms_and_is_saved(browser):
    async with world(browser, types=("card", "us_bank_account")) as payer:
        await payer.visit()
        assert await payer.page.locator("[data-terms]:visible").get_attribute("data-terms") == "card"
        await payer.frame.get_by_label("US bank account").check()
        await payer.frame.get_by_label("Full name").fill("Jane Example")
        assert await payer.page.locator("[data-terms]:visible").get_attribute("data-terms") == "us_bank_account"
        await payer.save()
        await payer.heading("Saved. Thank you.")


async def test_a_bank_account_that_needs_small_deposits_is_told_what_is_left(browser):
    async with world(browser, types=("us_bank_account",)) as payer:
        await payer.visit()
        await payer.frame.get_by_label("Full name").fill("Jane Example")
        await payer.frame.get_by_label("Enter bank details manually").check()
        await payer.frame.get_by_label("Routing number").fill("110000000")
        await payer.frame.get_by_label("Account number").fill("000123456789")
        await payer.save()
        await payer.heading("One step may be left")
        assert await payer.status() == "requires_action"
