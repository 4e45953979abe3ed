"""Texts that a sheet or Stripe may carry and that every format has to take for what they are: texts.

Each is an attack on one of the formats that a report is written in, or a text that is merely hard to show.
"""

TEXTS: tuple[str, ...] = (
    # HTML: elements, attributes that are broken out of, ends of raw text, comments, addresses that run
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</style><img src=x onerror=document.title='owned'>",
    "<!--<script>document.title='owned'//-->",
    "--><b>out of the comment",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "`onfocus=alert(1) autofocus=`",
    "<svg onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<base href=//evil.example><link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "&lt;b&gt; &amp;quot; &#x3c;script&#x3e;",
    "]]><![CDATA[<x/>",
    "</title></textarea></noscript></template><b>",
    # templates
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "{{ ''.__class__.__mro__ }}",
    "${7*7} #{7*7} %(x)s {0.__class__}",
    # spreadsheets: formulas, also with what Excel takes for the same sign, and DDE
    '=HYPERLINK("http://evil.example","click")',
    "=1+1",
    "+1+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "=cmd|' /C calc'!'A1'",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
    "\N{FULLWIDTH PLUS SIGN}1",
    "\t=1+1",
    "\r=1+1",
    '";=1+1;"',
    "{=1+1}",
    "_x0041_ _x000D_",
    "0012345678901234567",
    # CSV and lines
    'quotes "" and, commas; semicolons\ttabs',
    "first line\nsecond line\r\nthird",
    # Markdown
    "[click](http://evil.example) ![x](http://evil.example/x.png)",
    "@everyone #1 | pipe | `code` **bold** ~~gone~~ <b>html</b>",
    "# heading\n| a | b |\n|---|---|\n- [ ] task",
    "<http://evil.example> www.evil.example \\| \\",
    # terminals
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J",
    "back\x08space \x7f \x9b31m",
    # hard to show
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe\N{POP DIRECTIONAL FORMATTING} \N{LEFT-TO-RIGHT ISOLATE}x",
    "\u05d7\u05e9\u05d1\u05d5\u05df 17 \u0641\u0627\u062a\u0648\u0631\u0629",
    "\N{GRINNING FACE}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER} \U0001f1e9\U0001f1ea",
    "zero\N{ZERO WIDTH SPACE}width\N{ZERO WIDTH NO-BREAK SPACE}\N{SOFT HYPHEN}\N{WORD JOINER}",
    "line\N{LINE SEPARATOR}paragraph\N{PARAGRAPH SEPARATOR}next\x85line",
    "Z" + "\N{COMBINING GRAVE ACCENT}" * 40 + "algo",
    "long" * 500,
    "../../../etc/passwd",
    "CON.txt",
    "\N{NO-BREAK SPACE} \N{EM SPACE}spaces around \N{IDEOGRAPHIC SPACE}",
)
WITH_NUL = "before\x00after"
# No run file can carry it: readers refuse it in what names a line. An answer of Stripe may.


def text(n: int) -> str:
    """Return the nth text, whole and as it stands."""
    return TEXTS[n % len(TEXTS)]


def name(n: int) -> str:
    """Return the nth text made the only one of its name: a reference, an id."""
    return f"{text(n)} {n}"


def code(n: int) -> str:
    """Return the nth text as a code of Stripe's, some with what JSON alone can carry."""
    return WITH_NUL if n % (len(TEXTS) + 1) == len(TEXTS) else text(n)


def account(n: int) -> str:
    """Return the nth text as an account id; a slash parts what is kept of an account, so none is in it."""
    return f"acct_{text(n).replace('/', '-')[:200]}{n}"
