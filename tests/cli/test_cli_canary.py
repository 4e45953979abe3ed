"""No key is ever written: not to a terminal, a log, a ledger, a report, a traceback or a command line."""

import os
import re
from pathlib import Path

from cli_tools import ID, RUN, everything_written

CANARY = "sk_test_canary51H8xQ2eZvKYlo2C9k7TtRw4Vb"
SECRET_PART = CANARY.removeprefix("sk_test_")[:-4]
DEBUG = ("--log-level", "debug", "--log-format", "json")

COMMANDS = [
    ("config", "show"), ("config", "show", "--output", "json"), ("check", "rehearsal.csv", *RUN), ("doctor",),
    ("plan", "rehearsal.csv", *RUN, "-o", "plan.json", "--rate", "200"),
    ("plan", "rehearsal.csv", *RUN, "--output", "json"), ("run", "rehearsal.csv", *RUN, "--yes", "--limit", "4"),
    ("run", "plan.json", "--yes"), ("run", "rehearsal.csv", *RUN, "--yes", "--output", "json", "--rate", "200"),
    ("run", "rehearsal.csv", *RUN, "--yes", "--live"), ("run", "rehearsal.csv", *RUN), ("run", "absent.csv", "--yes"),
    ("status",), ("status", ID), ("resolve",), ("settle", ID), ("report", ID), ("report", ID, "--format", "json"),
    ("ledger", "verify"), ("ledger", "events"),
]  # fmt: skip
ENVIRONMENTS = [
    {"BILLING_MODE": "live"}, {"BILLING_API_BASE": "http://example.com"}, {"STRIPE_API_KEY": CANARY + "!"},
    {"STRIPE_API_KEY": f"sk_org_{CANARY}"}, {"STRIPE_API_KEY_FILE": "key"}, {"BILLING_CONCURRENCY": CANARY},
    {"BILLING_LEDGER": f"sqlite:////nowhere/{CANARY}"}, {"BILLING_NOTIFY_WEBHOOK": CANARY},
    {"HTTPS_PROXY": f"http://{CANARY}@127.0.0.1:1"}, {"STRIPE_LOG": "debug"},
]  # fmt: skip


def test_the_canary_key_is_found_in_no_byte_that_any_command_writes(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": CANARY}
    written = []
    for command in COMMANDS:
        debug = DEBUG if command[0] != "report" else ("--log-level", "debug")
        ended = billing(*command, *debug)
        written.append(ended.out + ended.err)
    for environ in ENVIRONMENTS:
        saved, billing.environ = billing.environ, {**billing.environ, **environ}
        ended = billing("run", "rehearsal.csv", *RUN, "--yes", *DEBUG)
        written.append(ended.out + ended.err)
        billing.environ = saved
    (billing.folder / "key").unlink(missing_ok=True)
    everything = "\n".join(written).encode() + everything_written(billing.folder)
    assert not re.search(SECRET_PART.encode(), everything)


def test_a_key_in_a_message_of_the_provider_is_not_repeated(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": CANARY}
    rehearsal.ask("keys", {"revoke": [CANARY]})
    ended = billing("run", "rehearsal.csv", *RUN, "--yes", *DEBUG)
    assert ended.code == 8
    assert SECRET_PART not in ended.out + ended.err
    assert SECRET_PART.encode() not in everything_written(billing.folder)


def test_an_unexpected_exception_shows_no_values_and_is_one_line(billing, tmp_path: Path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import billing.cli.settings_view as view\n"
        "def places(session):\n"
        "    import os\n"
        "    key = os.environ['STRIPE_API_KEY']\n"
        "    raise RuntimeError('broke with ' + key)\n"
        "view.places = places\n"
    )
    path = {"PYTHONPATH": f"{broken}{os.pathsep}{Path(__file__).parent.parent.parent}"}
    ended = billing("config", "show", environ={"STRIPE_API_KEY": CANARY, **path})
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 2
    assert "error id" in ended.err
    assert SECRET_PART not in ended.err
