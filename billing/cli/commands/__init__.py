"""All commands in the order a newcomer needs them. Each is one file: its options, its help, its action.

The table is all that the list of commands needs: no command is imported before it is meant.
"""

import importlib
from typing import NamedTuple

from billing.cli.groups import Command, flat


class CommandInfo(NamedTuple):
    """Where the function ``command`` of a command is, and the first sentence of its help."""

    module: str
    summary: str


COMMANDS: dict[str, CommandInfo] = {
    # name, in a group behind its name and a blank: (module in this package, summary)
    "demo": CommandInfo("demo", "Show a whole run against the built-in sandbox."),
    "init": CommandInfo("init", "Write billing.yaml, a CSV template and a sample run."),
    "check": CommandInfo("check", "Check a run file offline: every problem with its line."),
    "plan": CommandInfo("plan", "Show what a run would do; only reads are sent."),
    "run": CommandInfo("run", "Charge every item of a run once."),
    "pause": CommandInfo("pause", "Have all workers of a run stop starting charges."),
    "resume": CommandInfo("resume", "Have workers go on with a run that was paused."),
    "status": CommandInfo("status", "Show where runs stand."),
    "resolve": CommandInfo("resolve", "Ask Stripe what became of lost answers and of open declines."),
    "settle": CommandInfo("settle", "Ask Stripe what became of bank debits and of open declines."),
    "retry": CommandInfo("retry", "Try again what was declined and is due."),
    "collect": CommandInfo("collect", "Serve the page on which payers save a card or bank account."),
    "listen": CommandInfo("listen", "Take webhooks of Stripe, and follow what they tell of."),
    "worker": CommandInfo("worker", "Work the shards of runs, beside other workers."),
    "report": CommandInfo("report", "Give back every input line with what became of it."),
    "serve": CommandInfo("serve", "Serve the ledger as pages on this machine, read-only."),
    "explain": CommandInfo("explain", "Tell the life of one line in plain sentences."),
    "export": CommandInfo("export", "Write the money of runs as a journal for bookkeeping."),
    "cancel": CommandInfo("cancel", "Close what is not paid of a run, on the record."),
    "reverse": CommandInfo("reverse", "Write a run file that undoes a run: refunds, or ends."),
    "reconcile": CommandInfo("reconcile", "Hold the ledger against Stripe, from line to bank."),
    "links": CommandInfo("links", "List who is subscribed with what, and failed renewals."),
    "sync": CommandInfo("sync", "Keep subscribed customers in step with the platform."),
    "doctor": CommandInfo("doctor", "Check key, each permission, clock, ledger and versions."),
    "sandbox": CommandInfo("sandbox", "Serve a stateful Stripe on this machine to rehearse against."),
    "completion": CommandInfo("completion", "Print a script for completion in your shell."),
    "version": CommandInfo("version", "Print the version, and the ledger format of it."),
    "help": CommandInfo("help", "Print help: of everything, or of one command."),
    "ledger verify": CommandInfo("ledger_verify", "Check chain, database and every item."),
    "ledger events": CommandInfo("ledger_events", "Print what happened, when, to which item."),
    "ledger upgrade": CommandInfo("ledger_upgrade", "Make a ledger of an earlier release one of this release."),
    "ledger copy": CommandInfo("ledger_copy", "Copy the ledger to another database; it goes on there."),
    "ledger roles": CommandInfo("ledger_roles", "Print which rights a role needs that charges from PostgreSQL."),
    "ledger rebuild": CommandInfo("ledger_rebuild", "Rebuild a lost run from its file and Stripe."),
    "config show": CommandInfo("config_show", "Print every setting and where it comes from."),
}

GROUPS: dict[str, str] = {
    # name: what its commands are about
    "ledger": "The record: is it sound, what it holds; upgrade it, copy it, rebuild it.",
    "config": "The settings and where they come from.",
}


def load(name: str) -> Command:
    """Import the command of this name, and return it with every option by itself."""
    module = importlib.import_module(f"{__name__}.{COMMANDS[name].module}")
    command: Command = module.command
    return flat(command)
