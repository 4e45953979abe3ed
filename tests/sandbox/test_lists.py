"""Lists: newest first, in pages, filtered by what the provider filters by."""

import pytest


@pytest.fixture
def intents(desk):
    """Seven intents, a minute apart, oldest first."""
    made = []
    for _ in range(7):
        made.append(desk.open()["id"])
        desk.sandbox.advance(60)
    return made


def page(desk, **params):
    return desk.get("/v1/payment_intents", params, account=desk.account.id)


def test_a_page_is_newest_first_and_says_whether_there_is_more(desk, intents):
    first = page(desk, limit=3)
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (intents[:3:-1], True)
    assert (first["object"], first["url"]) == ("list", "/v1/payment_intents")
    assert page(desk, limit=7)["has_more"] is False


def test_pages_follow_each_other_without_gap_or_overlap(desk, intents):
    seen, cursor = [], {}
    while True:
        answer = page(desk, limit=2, **cursor)
        seen += [row["id"] for row in answer["data"]]
        if not answer["has_more"]:
            break
        cursor = {"starting_after": seen[-1]}
    assert seen == intents[::-1]


def test_a_page_can_be_read_backwards(desk, intents):
    back = page(desk, limit=2, ending_before=intents[2])
    assert ([row["id"] for row in back["data"]], back["has_more"]) == ([intents[4], intents[3]], True)


def test_created_bounds_are_inclusive_and_exclusive_as_named(desk, intents):
    start = desk.sandbox.config.start

    def found(**created):
        return [intents.index(row["id"]) for row in page(desk, created=created)["data"]]

    assert found(gte=start + 300) == [6, 5]
    assert found(gt=start + 300) == [6]
    assert found(lte=start + 60) == [1, 0]
    assert found(lt=start + 60) == [0]
    assert found(gte=start + 60, lt=start + 180) == [2, 1]
    assert [row["id"] for row in page(desk, created=start)["data"]] == intents[:1]


@pytest.mark.parametrize("limit", [0, 101, "x"])
def test_a_page_holds_1_to_100(desk, limit):
    answer = page(desk, limit=limit)
    assert (answer.status, answer.error["param"]) == (400, "limit")


def test_a_cursor_must_name_an_object(desk):
    assert page(desk, starting_after="pi_none").error["param"] == "starting_after"


@pytest.mark.parametrize("name", ["status", "metadata", "payment_method"])
def test_intents_cannot_be_filtered_by_status_metadata_or_method(desk, name):
    assert page(desk, **{name: "x"}).error["code"] == "parameter_unknown"


def test_intents_are_filtered_by_customer(desk):
    owner = desk.post("/v1/customers", {}, account=desk.account.id)["id"]
    mine = desk.open(customer=owner)["id"]
    desk.open()
    assert [row["id"] for row in page(desk, customer=owner)["data"]] == [mine]


def test_customers_are_listed_by_email(desk):
    wanted = desk.post("/v1/customers", {"email": "a@example.com"})["id"]
    desk.post("/v1/customers", {"email": "b@example.com"})
    found = desk.get("/v1/customers", {"email": "a@example.com"})
    assert [row["id"] for row in found["data"]] == [wanted]
