"""The benches that need the whole money path still walk it: what a newer flow asks for is answered there, too."""

import uvloop

from tests.bench.cost import serving, shipped


def test_the_shipped_flow_charges_every_item_at_the_server_of_the_bench(tmp_path):
    with serving() as server:
        figure = uvloop.run(shipped(20, 4, server, tmp_path))
    assert figure.items_per_second > 0


def test_it_charges_every_item_with_a_ledger_in_postgresql_too(tmp_path, postgres_url):
    with serving() as server:
        figure = uvloop.run(shipped(20, 4, server, tmp_path, postgres_url))
    assert figure.items_per_second > 0
