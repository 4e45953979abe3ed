"""The sandbox's pages for payers as HTML, escaped: a bank's question, small deposits, Checkout."""

from collections.abc import Mapping
from html import escape

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/{release}/page.css">{head}</head>
<body><main><h1>{title}</h1>
{body}
</main></body>
</html>
"""
CARD = """<label>Card number <input name="number" autocomplete="cc-number" inputmode="numeric"></label>
<label>Expiration date <input name="expiry" autocomplete="cc-exp" placeholder="MM / YY"></label>
<label>Security code <input name="cvc" autocomplete="cc-csc" inputmode="numeric"></label>
"""
BANK = """<label>Full name <input name="name" autocomplete="name"></label>
<label>Routing number <input name="routing" inputmode="numeric"></label>
<label>Account number <input name="account" inputmode="numeric"></label>
"""
KINDS = {"card": ("Card", CARD), "us_bank_account": ("US bank account", BANK)}


def page(release: str, title: str, body: str, head: str = "") -> str:
    """A whole page; ``body`` and ``head`` are HTML already."""
    return PAGE.format(release=release, title=escape(title), body=body, head=head)


def note(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def complaint(text: str | None) -> str:
    """What was refused, or nothing."""
    return f'<p role="alert">{escape(text)}</p>' if text else ""


def question(hidden: Mapping[str, str]) -> str:
    """The bank's question; ``hidden`` goes back with the answer."""
    fields = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in hidden.items())
    buttons = '<button name="answer" value="complete">Complete</button><button name="answer" value="fail">Fail</button>'
    return f'<form method="post">{fields}{buttons}</form>'


def deposit() -> str:
    """A form for the code of a small deposit."""
    field = '<label>Code that begins with SM <input name="code" autocomplete="off" maxlength="6"></label>'
    return f'<form method="post">{field}<button>Verify</button></form>'


def details(kinds: list[str]) -> str:
    """A form for each type of payment method a session takes."""
    forms = []
    for kind in kinds:
        title, fields = KINDS[kind]
        fields += f'<input type="hidden" name="type" value="{kind}"><button>Save {title}</button>'
        forms.append(f'<form method="post" aria-label="{title}">{fields}</form>')
    return "".join(forms)
