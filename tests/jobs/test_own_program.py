"""The names that `billing` gives suffice for a program of a platform's own."""

import subprocess
import sys

import billing as face
from tests.conftest import Ended, clean_environment
from tests.jobs.test_monthly_run import SANDBOX, served

RUN = "own-2026-11"
HEAVY = ["stripe", "aiohttp", "yaml", "sqlite3", "asyncio", "billing.api", "billing.core"]


def own(billing, most: int) -> Ended:
    command = [sys.executable, "-m", "jobs.own_program", "rehearsal.csv", RUN, str(most)]
    environ = clean_environment(**billing.environ)
    done = subprocess.run(command, cwd=billing.folder, env=environ, capture_output=True, text=True, timeout=90)
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_program_plans_says_no_then_yes_and_charges_each_item_once(billing):
    with served(billing, SANDBOX) as rehearsal:
        refused = own(billing, 1)
        assert (refused.code, refused.out, rehearsal.ask("books")["intents"]) == (face.Exit.STOPPED, "", [])
        assert "nothing was charged" in refused.err
        for _ in range(2):
            ended = own(billing, 10**9)
            assert (ended.code, ended.out) == (face.Exit.DECLINES, "11 paid, exit 4\n")  # one must ask its bank
        assert len(rehearsal.ask("books")["intents"]) == 12


def test_importing_billing_loads_nothing_and_every_name_of_it_is_there():
    program = f"import sys, billing; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    for name in face.__all__:
        assert getattr(face, name).__doc__, name
    assert set(face.__all__) <= set(dir(face))
