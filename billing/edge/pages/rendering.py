"""How a page is made: a template, everything in it escaped, one style and at most one script, each named by its hash.

A page brings its own Content-Security-Policy, which allows exactly that style and that script and nothing else: no
request, no frame, no form, no attribute that is code. (W3C CSP3, section 2.3.1, hash-source)
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from billing.core import dashboard, wording
from billing.core.tones import TONES
from billing.edge.logs import visible

HERE = Path(__file__).parent
BASE_STYLE = "base.css"
# Of every page; a page's own style comes behind it.
CHUNK = 512
# Pieces of a template that are written at once.
NOTHING_MORE: Mapping[str, str] = {}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return what templates are read and filled in with."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {
        "amount": wording.amount,
        "priced": wording.priced,
        "several": wording.several,
        "counted": wording.counted,
        "share": wording.share,
        "duration": wording.duration,
        "moment": wording.moment,
        "day": wording.day,
        "clock": wording.clock,
        "visible": visible,
    }
    found.globals |= {"tones": TONES, "of_account": dashboard.of_account, "of_object": dashboard.of_object}
    return found


def render(
    template: str, *, styles: tuple[str, ...] = (), script: str = "", allows: Mapping[str, str] = NOTHING_MORE,
    **values: Any,  # noqa: ANN401  what the template takes
) -> Iterator[str]:  # fmt: skip
    """Stream a page.

    Args:
        template: its name in `templates`; it extends ``base.html``.
        styles: names in `static`, behind the style of every page.
        script: name in `static`; empty for a page without one.
        allows: directives of the policy of a page that is served.
        values: what it shows.
    """
    style = "".join(_static(name) for name in (BASE_STYLE, *styles))
    code = _static(script) if script else ""
    page = environment().get_template(template).stream(
        # Both are our own files; nothing that anybody typed is ever in them.
        style=Markup(style), script=Markup(code), csp=policy(style, code, **allows), **values,  # noqa: S704
    )  # fmt: skip
    page.enable_buffering(CHUNK)
    return iter(page)


def policy_of(styles: tuple[str, ...] = (), script: str = "", **more: str) -> str:
    """Return the policy of a page by the names of its files, as `render` makes it."""
    return policy("".join(_static(name) for name in (BASE_STYLE, *styles)), _static(script) if script else "", **more)


def policy(style: str, script: str = "", **more: str) -> str:
    """Return the policy of a page with this style and script; ``more`` are directives of a page that is served."""
    table: Mapping[str, str] = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script) if script else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return "; ".join(f"{directive} {source}" for directive, source in table.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache
def _static(name: str) -> str:
    return (HERE / "static" / name).read_text("utf-8")
