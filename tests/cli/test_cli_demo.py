"""The demo shows a whole run without key, server or network."""

import re


def test_the_demo_ends_well_can_be_repeated_and_empties_no_other_folder(billing):
    for _ in range(2):
        ended = billing("demo", "--items", "30", "--dir", "here")
        assert ended.code == 0, ended.err
        assert "Totals agree with the sheet." in ended.out
        assert "0 paid twice" in ended.out
        assert "The ledger and Stripe agree to the cent." in ended.out
        assert "sound" in ended.out
    lines = (billing.folder / "here" / "report.csv").read_text().splitlines()
    assert len(lines) == 31
    for named in re.findall(r"^  (\S+/report\.\w+)  ", ended.out, re.MULTILINE):
        assert (billing.folder / named).stat().st_size > 0
    assert {"report.html", "report.xlsx"} <= {path.name for path in (billing.folder / "here").iterdir()}
    (billing.folder / "mine").mkdir()
    (billing.folder / "mine" / "precious").write_text("x")
    refused = billing("demo", "--dir", "mine")
    assert refused.code == 2
    assert (billing.folder / "mine" / "precious").read_text() == "x"


def test_the_second_act_subscribes_everybody_once_and_renews_on_the_new_cards(billing):
    ended = billing("demo", "--recurring", "--items", "10", "--dir", "here")
    assert ended.code == 0, ended.err
    assert re.search(r"3 customers, \d links on \d accounts: re-clone \d", ended.out)
    assert "15 subscriptions, the ledger says 15; 0 twice" in ended.out
    assert "0 declined; 0 without a working card" in ended.out
    assert "sound" in ended.out
    assert "example.com" not in ended.out + ended.err
