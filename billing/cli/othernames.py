"""What people type who know other tools, and what there is instead."""

COMMANDS: dict[str, str] = {
    # what was typed: the command that does it
    "apply": "run",
    "charge": "run",
    "continue": "run",
    "pay": "run",
    "start": "run",
    "diff": "plan",
    "dry-run": "plan",
    "preview": "plan",
    "show": "plan",
    "lint": "check",
    "validate": "check",
    "journal": "export",
    "result": "report",
    "results": "report",
    "ls": "status",
    "list": "status",
    "runs": "status",
    "watch": "status",
    "events": "ledger events",
    "history": "ledger events",
    "log": "ledger events",
    "logs": "ledger events",
    "verify": "ledger verify",
    "skip": "cancel",
    "withdraw": "cancel",
    "close": "cancel",
    "upgrade": "ledger upgrade",
    "migrate": "ledger upgrade",
    "refund": "reverse",
    "undo": "reverse",
    "unsubscribe": "reverse",
    "subscriptions": "links",
    "resync": "sync",
    "refresh": "sync",
    "rebuild": "ledger rebuild",
    "restore": "ledger rebuild",
    "follow": "settle",
    "webhook": "listen",
    "webhooks": "listen",
    "settings": "config show",
    "new": "init",
    "setup": "init",
    "serve-sandbox": "sandbox",
    "mock": "sandbox",
    "rehearse": "sandbox",
}

ABSENT: dict[str, str] = {
    # what was typed: what is so today
    "approve": "approvals cannot be given here yet; a run over approval.required_over is refused with exit code 9",
    "skip": "to leave lines out, take them out of the file and add --amend",
    "pause": "Ctrl-C or SIGTERM stops a run cleanly, and billing run goes on with it",
    "resume": "billing run with the same file goes on",
    "stop": "Ctrl-C or SIGTERM stops a run cleanly, and billing run goes on with it",
    "onboard": "a kind of run file: billing init --kind payers writes one, billing run invites them",
    "subscribe": "a kind of run file: billing init --kind subscriptions writes one, billing run opens what it lists",
    "serve": "there is no web page yet; billing status --watch shows a run under way",
}


def meant(typed: str) -> str:
    """Return a sentence for a word that is no command here, or an empty text."""
    word = typed.lower()
    if word in COMMANDS:
        return f"try billing {COMMANDS[word]}"
    return ABSENT.get(word, "")
