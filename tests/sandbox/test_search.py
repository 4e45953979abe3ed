"""Search: what a query finds, what it does not find yet, and what is no query."""

import pytest


@pytest.fixture
def known(services):
    """Three customers, written long enough ago."""
    made = []
    for name, email in (("Anna Ark", "ark@example.com"), ("Ben", "ben@example.com"), ("Anna Bay", "bay@example.com")):
        body = {"name": name, "email": email, "metadata": {"payer": name.lower(), "group": name[0]}}
        made.append(services.post("/v1/customers", body)["id"])
        services.sandbox.advance(100)
    return made


def found(services, query, **params):
    return [row["id"] for row in services.get("/v1/customers/search", {"query": query, **params})["data"]]


def test_a_query_finds_by_text_by_part_by_metadata_and_by_time(services, known):
    anna, ben, bay = known
    assert found(services, 'email:"BEN@example.com"') == [ben]
    assert found(services, "name~'anna'") == [bay, anna]
    assert found(services, 'metadata["payer"]:"anna ark"') == [anna]
    assert found(services, 'metadata["group"]:"A" AND -name:"anna bay"') == [anna]
    assert found(services, 'name:"Ben" or name:"Anna Bay"') == [bay, ben]
    assert found(services, 'name~"anna" email:"ark@example.com"') == [anna]
    created = services.get(f"/v1/customers/{bay}")["created"]
    assert found(services, f"created>={created}") == [bay]
    assert found(services, 'metadata["nothing"]:null created<9') == []


def test_what_was_just_written_is_not_found_yet(services, known):
    anna, *_ = known
    new = services.post("/v1/customers", {"name": "Newcomer"})["id"]
    services.post(f"/v1/customers/{anna}", {"name": "Renamed"})
    assert found(services, 'name:"Newcomer" OR name:"Renamed"') == []
    assert found(services, 'name:"Anna Ark"') == [anna]
    services.sandbox.advance(61)
    assert found(services, 'name:"Newcomer" OR name:"Renamed"') == [new, anna]
    assert found(services, 'name:"Anna Ark"') == []


def test_pages_follow_on(services, known):
    first = services.get("/v1/customers/search", {"query": 'metadata["group"]:"A"', "limit": 1})
    assert (first["object"], first["has_more"], first["data"][0]["id"]) == ("search_result", True, known[2])
    assert found(services, 'metadata["group"]:"A"', limit=1, page=first["next_page"]) == [known[0]]
    assert services.get("/v1/customers/search", {"query": 'name:"Ben"'})["next_page"] is None


@pytest.mark.parametrize("query", [
    "", "name", "name:Ben", 'colour:"red"', 'name>"B"', "created:'x'", 'name~"an"', 'name:"a" AND name:"b" OR name:"c"',
    'metadata:"x"', 'email["a"]:"x"', 'name:"Ben" ;', 'created~"123"',
])  # fmt: skip
def test_what_is_no_query_is_refused(services, query):
    answer = services.get("/v1/customers/search", {"query": query})
    assert (answer.status, answer.error["param"]) == (400, "query")


def test_other_objects_are_not_searched(services):
    assert services.get("/v1/payment_intents/search", {"query": "amount>1"}).status == 404
    assert services.get("/v1/customers/search", {"query": 'name:"a"', "page": "é"}).error["param"] == "page"
