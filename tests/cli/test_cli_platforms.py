"""One installation, two platforms: each with its key, its ledger and its sandbox, through the real command."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from cli_tools import SANDBOX, Rehearsal, read_line, wait_until

from tests.conftest import Billing

KEYS = {"eu": "sk_test_platformofeurope1", "us": "sk_test_platformofstates1"}
ITEMS = 12
FLAGS = ("--yes", "--rate", "200", "--output", "json", "--log-format", "json")


@dataclass(frozen=True, slots=True)
class Shop:
    """One platform: its sandbox, its account, and the run that charges its payers."""

    name: str
    sandbox: Rehearsal
    account: str

    @property
    def run(self) -> str:
        """Of which there is one."""
        return f"{self.name}-2026-11"

    def sent(self) -> int:
        """How many intents were made there."""
        return len(self.sandbox.ask("books")["intents"])


@dataclass(frozen=True, slots=True)
class Town:
    """The command, and two platforms that its settings name."""

    billing: Billing
    eu: Shop
    us: Shop

    def settings(self, *, eu: str, us: str, swapped: bool = False) -> None:
        """Write the settings: what each table says beside account and address; the accounts may be swapped."""
        accounts = [self.eu.account, self.us.account]
        tables = ""
        for shop, more in ((self.eu, eu), (self.us, us)):
            account = accounts.pop(-1 if swapped else 0)
            lines = [f"platform: {account}", f"api_base: {shop.sandbox.url}", *more.splitlines()]
            tables += "".join([f"  {shop.name}:\n", *(f"    {line}\n" for line in lines)])
        (self.billing.folder / "billing.yaml").write_text(f"platforms:\n{tables}")


def _account_of(url: str, key: str) -> str:
    request = Request(f"{url}/v1/account", headers={"Authorization": f"Bearer {key}"})  # noqa: S310  loopback
    with urlopen(request, timeout=10) as answer:  # noqa: S310  loopback
        return json.loads(answer.read())["id"]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Two sandboxes, each with payers of its own, and a file for each key."""
    billing = Billing(tmp_path)
    (tmp_path / "sandbox.yaml").write_text(SANDBOX)
    processes, shops = [], {}
    try:
        for seed, (name, key) in enumerate(KEYS.items()):
            args = ["--items", str(ITEMS), "--accounts", "2", "--seed", str(7 + seed), "--out", f"{name}.csv"]
            processes.append(billing.start("sandbox", "--port", "0", "--config", "sandbox.yaml", *args))
            url, *_ = [read_line(processes[-1]) for _ in range(4)]
            url = url.strip().removeprefix("export BILLING_API_BASE=")
            (tmp_path / f"{name}.key").write_text(key)
            shops[name] = Shop(name, Rehearsal(url), _account_of(url, key))
        yield Town(billing, shops["eu"], shops["us"])
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=10)


def apart(name: str) -> str:
    """Return what a platform with a ledger of its own says."""
    return f"key_file: {name}.key\nledger: sqlite:///{name}.db\n"


def test_two_platforms_charge_side_by_side_and_one_status_shows_both(town):
    billing = town.billing
    town.settings(eu=apart("eu"), us=apart("us"))
    together = [
        billing.start("run", f"{shop.name}.csv", "--run", shop.run, "--platform", shop.name, *FLAGS)
        for shop in (town.eu, town.us)
    ]
    for process in together:
        out, err = process.communicate(timeout=90)
        assert process.returncode in (0, 4), err
        assert json.loads(out)["items"] == ITEMS
    for shop in (town.eu, town.us):
        assert shop.sent() > 0
    assert (billing.folder / "eu.db").exists()
    assert (billing.folder / "us.db").exists()

    listed = json.loads(billing("status", "--output", "json").out)
    assert [(each["platform_name"], each["platform"], each["run"]) for each in listed] == [
        ("eu", town.eu.account, town.eu.run),
        ("us", town.us.account, town.us.run),
    ]
    head, *rows = billing("status").out.splitlines()
    assert head.split()[:3] == ["platform", "run", "state"]
    assert [row.split()[:2] for row in rows if not row.startswith(" ")] == [["eu", "eu-2026-11"], ["us", "us-2026-11"]]
    (only,) = json.loads(billing("status", "--platform", "us", "--output", "json").out)
    assert only == listed[1]
    one = json.loads(billing("status", town.us.run, "--output", "json").out)
    assert (one["platform_name"], one["items"]) == ("us", ITEMS)

    (billing.folder / "us.db").write_bytes(b"this is no database, whatever it was before" * 100)
    ended = billing("status")
    assert ended.code != 0
    assert "eu-2026-11" in ended.out
    (line,) = [each for each in ended.out.splitlines() if each.startswith("us: cannot be read: ")]
    counted = billing("status", "--output", "json", "--log-format", "json")
    assert (counted.code, [each["run"] for each in json.loads(counted.out)]) == (ended.code, [town.eu.run])
    told = json.loads(counted.err)
    assert (told["event"], told["platforms"]) == ("ledger_unread", ["us"])
    assert told["message"] in line
    assert billing("status", "--platform", "us").code == ended.code


def test_a_key_of_another_platform_is_refused_before_anything_is_charged(town):
    billing = town.billing
    town.settings(eu=apart("eu"), us=apart("us"), swapped=True)
    ended = billing("run", "eu.csv", "--run", town.eu.run, "--platform", "eu", *FLAGS)
    assert ended.code == 2
    assert f"belongs to {town.eu.account}, the settings name {town.us.account}" in ended.err
    assert (town.eu.sent(), town.us.sent()) == (0, 0)
    assert KEYS["eu"] not in ended.out + ended.err


def test_a_run_file_says_for_which_platform_it_is_and_no_other_is_charged(town):
    billing = town.billing
    town.settings(eu=apart("eu"), us=apart("us"))
    (billing.folder / "eu.yaml").write_text(
        "version: 1\nplatform: eu\nrun: {name: eu, period: 2026-11}\nsource: {csv: eu.csv}\n"
    )
    refused = billing("run", "eu.yaml", "--platform", "us", *FLAGS)
    assert refused.code == 2
    assert "the run file is for platform eu, and platform us is chosen (flag); nothing was sent" in refused.err
    assert not (billing.folder / "us.db").exists()
    charged = billing("run", "eu.yaml", "--yes", "--rate", "200")
    assert charged.code in (0, 4), charged.err
    assert (town.eu.sent() > 0, town.us.sent()) == (True, 0)
    following = [line.strip().removeprefix("Next: ") for line in charged.out.splitlines() if "billing " in line]
    commands = [line[line.index("billing ") :] for line in following]
    assert commands
    assert all("--platform eu" in command for command in commands)
    unsaid = billing("run", "us.csv", "--run", town.us.run, *FLAGS)
    assert unsaid.code == 2
    assert "several platforms (eu, us), and none is chosen; nothing was sent" in unsaid.err
    assert billing("check", "eu.yaml").code == 0


def test_platforms_that_share_a_ledger_keep_their_runs_apart(town):
    billing = town.billing
    town.settings(eu="key_file: eu.key\n", us="key_env: KEY_OF_US\n")
    for name, key in (("eu", {}), ("us", {"KEY_OF_US": KEYS["us"]})):
        ended = billing("run", f"{name}.csv", "--run", f"{name}-2026-11", "--platform", name, *FLAGS, environ=key)
        assert ended.code in (0, 4), ended.err
    listed = json.loads(billing("status", "--output", "json").out)
    assert [(each["platform_name"], each["run"]) for each in listed] == [("eu", "eu-2026-11"), ("us", "us-2026-11")]
    assert [each["run"] for each in json.loads(billing("status", "--platform", "eu", "--output", "json").out)] == [
        "eu-2026-11"
    ]
    other = billing("status", "us-2026-11", "--platform", "eu")
    assert (other.code, "which is not platform eu" in other.err) == (2, True)
    looked = billing("status", "us-2026-11").out
    steps = [line for line in looked.splitlines() if "billing " in line]
    assert steps
    assert all("--platform us" in step for step in steps)

    shown = json.loads(billing("config", "show", "--output", "json").out)
    assert [(each["name"], each["platform"], each["key"]["source"]) for each in shown["platforms"]] == [
        ("eu", town.eu.account, f"{billing.folder}/eu.key (billing.yaml:5)"),
        ("us", town.us.account, "env KEY_OF_US (billing.yaml:9)"),
    ]
    one = billing("config", "show", "--platform", "eu").out
    assert "flag" in next(line for line in one.splitlines() if line.startswith("platform_name"))
    assert KEYS["eu"] not in one + json.dumps(shown)
    found = json.loads(billing("doctor", "--output", "json").out)
    key = {each["platform"]: each["verdict"] for each in found if each["about"] == "key"}
    assert key == {"eu": "ok", "us": "fail"}
    assert {each["platform"] for each in found if each["about"] == "ledger"} == {"eu", "us"}


def test_two_platforms_run_at_the_same_time_on_one_ledger_in_postgresql_and_one_of_them_never_twice(town, postgres_url):
    billing = town.billing
    town.settings(eu="key_file: eu.key\n", us="key_file: us.key\n")
    ledger = {"BILLING_LEDGER": postgres_url}
    first = billing.start(
        "run", "eu.csv", "--run", town.eu.run, "--platform", "eu", "--yes", "--rate", "1", environ=ledger
    )
    try:
        wait_until(lambda: town.eu.sent() > 0)
        other = billing("run", "us.csv", "--run", town.us.run, "--platform", "us", *FLAGS, environ=ledger)
        assert other.code in (0, 4), other.err
        assert first.poll() is None
        again = billing("run", "eu.csv", "--run", town.eu.run, "--platform", "eu", *FLAGS, environ=ledger)
        assert (again.code, town.eu.run in again.err) == (7, True)
        listed = json.loads(billing("status", "--output", "json", environ=ledger).out)
        assert [(each["platform_name"], each["state"]) for each in listed] == [("eu", "running"), ("us", "finished")]
    finally:
        first.kill()
        first.communicate()
    assert (town.eu.sandbox.ask("books")["doubles"], town.us.sandbox.ask("books")["doubles"]) == ([], [])
