"""Rows of long lists as HTML. A template would take ten times as long for each; what is filled in is escaped the same.

They are what `macros.html` would write: the roles of a table, its first cell the reference, an amount, ids, a state.
"""

from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from billing.core.tones import Tone


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One line of a sheet in a list.

    Attributes:
        name: its reference.
        address: where Stripe's Dashboard shows its payment; empty without one.
        amount: as shown.
        customer, account: ids; empty where there are none.
        words: its state, or why it is in the list.
        more: behind them, less loud.
        anchor: unique on the page; empty for none.
        row: code of its row of the outturn, which the filter of the page goes by.
        tone: of the icon before the words; None for none.
    """

    name: str
    address: str
    amount: str
    customer: str
    account: str
    words: str
    more: str = ""
    anchor: str = ""
    row: str = ""
    tone: Tone | None = None


def item_row(row: ItemRow) -> Markup:
    """Write the row of a line."""
    anchor = f' id="{escape(row.anchor)}" data-s="{escape(row.row)}"' if row.anchor else ""
    name = escape(row.name)
    first = f'<a class="any" href="{escape(row.address)}" rel="noreferrer">{name}</a>' if row.address else (
        f'<span class="any">{name}</span>'
    )  # fmt: skip
    icon = f'<svg class="i {row.tone}" aria-hidden="true"><use href="#i-{row.tone}"/></svg>' if row.tone else ""
    more = f'<span class="sub">, {escape(row.more)}</span>' if row.more else ""
    return Markup(  # noqa: S704  every text in it is escaped above or here
        f'<tr role="row"{anchor}><th role="rowheader" scope="row">{first}</th>'
        f'<td role="cell" class="n a">{escape(row.amount)}</td>'
        f'<td role="cell" class="id">{escape(row.customer)}</td><td role="cell" class="id">{escape(row.account)}</td>'
        f'<td role="cell" class="any">{icon}{escape(row.words)}{more}</td></tr>\n'
    )


def index_entry(name: str, anchor: str, address: str, account: str) -> Markup:
    """Write the entry of an index: a reference, where its line stands, and its account."""
    return Markup(  # noqa: S704  the same
        f'<li id="{escape(anchor)}" data-s=""><a class="any" href="{escape(address)}">{escape(name)}</a> '
        f'<span class="id sub">{escape(account)}</span></li>\n'
    )
