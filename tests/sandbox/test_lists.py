"""Lists: newest first, in pages, filtered by what the provider filters by."""

import pytest

from billing.sandbox import levers
from billing.sandbox.scenario import connect, save_customer


@pytest.fixture
def intents(services):
    """Seven intents, a minute apart, oldest first."""
    made = []
    for _ in range(7):
        made.append(services.open()["id"])
        services.sandbox.advance(60)
    return made


def page(services, **params):
    return services.get("/v1/payment_intents", params, account=services.account.id)


def test_a_page_is_newest_first_and_says_whether_there_is_more(services, intents):
    first = page(services, limit=3)
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (intents[:3:-1], True)
    assert (first["object"], first["url"]) == ("list", "/v1/payment_intents")
    assert page(services, limit=7)["has_more"] is False


def test_pages_follow_each_other_without_gap_or_overlap(services, intents):
    seen, cursor = [], {}
    while True:
        answer = page(services, limit=2, **cursor)
        seen += [row["id"] for row in answer["data"]]
        if not answer["has_more"]:
            break
        cursor = {"starting_after": seen[-1]}
    assert seen == intents[::-1]


def test_a_page_can_be_read_backwards(services, intents):
    back = page(services, limit=2, ending_before=intents[2])
    assert ([row["id"] for row in back["data"]], back["has_more"]) == ([intents[4], intents[3]], True)


def test_created_bounds_are_inclusive_and_exclusive_as_named(services, intents):
    start = services.sandbox.config.start

    def found(**created):
        return [intents.index(row["id"]) for row in page(services, created=created)["data"]]

    assert found(gte=start + 300) == [6, 5]
    assert found(gt=start + 300) == [6]
    assert found(lte=start + 60) == [1, 0]
    assert found(lt=start + 60) == [0]
    assert found(gte=start + 60, lt=start + 180) == [2, 1]
    assert [row["id"] for row in page(services, created=start)["data"]] == intents[:1]


@pytest.mark.parametrize("limit", [0, 101, "x"])
def test_a_page_holds_1_to_100(services, limit):
    answer = page(services, limit=limit)
    assert (answer.status, answer.error["param"]) == (400, "limit")


def test_a_cursor_must_name_an_object(services):
    assert page(services, starting_after="pi_none").error["param"] == "starting_after"


@pytest.mark.parametrize("name", ["status", "metadata", "payment_method"])
def test_intents_cannot_be_filtered_by_status_metadata_or_method(services, name):
    assert page(services, **{name: "x"}).error["code"] == "parameter_unknown"


def test_intents_are_filtered_by_customer(services):
    owner = services.post("/v1/customers", {}, account=services.account.id)["id"]
    mine = services.open(customer=owner)["id"]
    services.open()
    assert [row["id"] for row in page(services, customer=owner)["data"]] == [mine]


def walked(services, path, **params):
    """Every object of a list, page after page, and how many pages it took."""
    seen, pages, cursor = [], 0, {}
    while True:
        answer = services.get(path, params | cursor)
        seen, pages = seen + answer["data"], pages + 1
        if not answer["has_more"]:
            return seen, pages
        cursor = {"starting_after": seen[-1]["id"]}


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/customers", "/v1/payment_methods"])
def test_the_platforms_lists_need_no_filter_and_come_by_the_hundred(services, path):
    for _ in range(229):
        connect(services.sandbox)
        save_customer(services.sandbox)
    rows, pages = walked(services, path, limit=100)
    assert (len(rows), len({row["id"] for row in rows}), pages) == (230, 230, 3)


def test_customers_are_listed_with_their_default_methods(services):
    path = "data.invoice_settings.default_payment_method"
    listed = services.get("/v1/customers", {"expand": [path]})["data"][0]["invoice_settings"]["default_payment_method"]
    assert (listed["id"], listed["customer"]) == (services.method, services.customer)


def test_the_list_of_methods_holds_unattached_ones_too(services):
    loose = services.post("/v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}})["id"]
    rows = services.get("/v1/payment_methods")["data"]
    assert {row["id"]: row["customer"] for row in rows} == {services.method: services.customer, loose: None}


def test_a_deleted_customer_is_a_stub_on_no_list_and_its_methods_are_detached(services):
    other, _ = save_customer(services.sandbox)
    stub = {"id": services.customer, "object": "customer", "deleted": True}
    assert services.ask("DELETE", f"/v1/customers/{services.customer}").body == stub
    assert services.get(f"/v1/customers/{services.customer}").body == stub
    assert [row["id"] for row in services.get("/v1/customers")["data"]] == [other]
    assert services.get(f"/v1/payment_methods/{services.method}")["customer"] is None
    assert services.clone().error["code"] == "resource_missing"
    assert services.post(f"/v1/customers/{services.customer}", {"name": "x"}).status == 404
    assert services.ask("DELETE", f"/v1/customers/{services.customer}").status == 404


def test_customers_are_listed_by_email(services):
    wanted = services.post("/v1/customers", {"email": "a@example.com"})["id"]
    services.post("/v1/customers", {"email": "b@example.com"})
    found = services.get("/v1/customers", {"email": "a@example.com"})
    assert [row["id"] for row in found["data"]] == [wanted]


def test_lists_of_money_bring_what_is_behind_each_row(services):
    intent, _ = services.charge(application_fee_amount=10)
    refund = services.post("/v1/refunds", {"payment_intent": intent, "amount": 7}, account=services.account.id)
    dispute = levers.open_dispute(services.sandbox, services.account.id, refund["charge"])
    services.sandbox.advance(3 * 86_400)

    def listed(path, *expand):
        return services.get(f"/v1/{path}", {"expand": list(expand)}, account=services.account.id)["data"]

    rows = listed("balance_transactions", "data.source", "data.source.charge")
    sources = {row["source"]["object"]: row["source"] for row in rows}
    assert set(sources) == {"charge", "refund", "dispute"}
    assert sources["refund"]["charge"]["id"] == sources["charge"]["id"] == refund["charge"]
    assert sources["dispute"]["id"] == dispute["id"]
    for path, *steps in (
        ("payment_intents", "latest_charge", "balance_transaction"), ("charges", "balance_transaction"),
        ("refunds", "balance_transaction"), ("disputes", "charge", "balance_transaction"),
    ):  # fmt: skip
        found = listed(path, f"data.{'.'.join(steps)}")[0]
        for step in steps:
            found = found[step]
        assert found["object"] == "balance_transaction"


@pytest.mark.parametrize("path", ["charges", "refunds", "disputes", "payouts", "balance_transactions",
                                  "radar/early_fraud_warnings"])  # fmt: skip
def test_lists_of_money_know_when(services, path):
    def happens():
        intent, _ = services.charge("pm_card_bypassPending", amount=5000)
        made = services.post("/v1/refunds", {"payment_intent": intent, "amount": 7}, account=services.account.id)
        levers.open_dispute(services.sandbox, services.account.id, made["charge"], amount=1)
        levers.warn(services.sandbox, services.account.id, made["charge"])

    happens()
    services.sandbox.advance(2 * 86_400)
    between = int(services.sandbox.now)
    services.sandbox.advance(1)
    happens()
    services.sandbox.advance(2 * 86_400)
    whole, *parts = (
        [row["id"] for row in services.get(f"/v1/{path}", {"created": window}, account=services.account.id)["data"]]
        for window in ({"gte": 0}, {"gt": between}, {"lte": between})
    )
    assert whole == [*parts[0], *parts[1]]
    assert all(parts)
