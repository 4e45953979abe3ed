"""Makes ``shapes.json``: what Stripe publishes of the objects that the sandbox serves, in a compact form of our own.

The source is the type declarations in the npm package ``stripe``, which Stripe generates from its own specification.
Take the release whose ``API_VERSION`` is the sandbox's::

    npm pack stripe@23.1.0
    python tests/sandbox/make_shapes.py stripe-23.1.0.tgz

The file holds, by type, each field with what it may be, separated by ``|``: ``str``, ``num``, ``bool``, ``null``,
``any``, ``obj`` (an object that the sandbox does not serve), ``=word`` (that very text), ``&Type`` (an object of that
type, or one of the words it lists), and ``[...]`` for a list. A field whose name ends in ``?`` may be left out, and
``*`` stands for every name. ``objects`` says which type an object of which kind is.
"""

import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

OBJECTS = ("Account", "ApplicationFee", "Balance", "BalanceSettings", "BalanceTransaction", "BankAccount", "Charge",
           "Customer", "Dispute", "EarlyFraudWarning", "EventBase", "FeeRefund", "Invoice", "InvoiceLineItem",
           "InvoicePayment", "Mandate", "PaymentIntent", "PaymentMethod", "Payout", "Plan", "Price", "Product",
           "Refund", "Session", "SetupIntent", "Subscription", "SubscriptionItem", "WebhookEndpoint")  # fmt: skip
FILES = {  # where the name of a file is not the plural of its object
    "Balance": "Balance", "BalanceSettings": "BalanceSettings", "EarlyFraudWarning": "Radar/EarlyFraudWarnings",
    "EventBase": "Events", "Session": "Checkout/Sessions",
}  # fmt: skip
STUBS = ("DeletedCustomer", "DeletedWebhookEndpoint")
KINDS = {"Card", "UsBankAccount", "Link"}  # payment method types the sandbox makes; other hashes are not looked into
HOLDERS = {"PaymentMethod", "Charge.PaymentMethodDetails", "PaymentIntent.PaymentMethodOptions",
           "Refund.DestinationDetails", "PaymentIntent.NextAction", "SetupIntent.PaymentMethodOptions",
           "Mandate.PaymentMethodDetails", "Session.PaymentMethodOptions"}  # fmt: skip
UNSEEN = {"Event.Data.Object", "Event.Data.PreviousAttributes", "Session.CustomField", "Session.InvoiceCreation",
          "Session.PaymentMethodOptions.Card", "Session.PaymentMethodOptions.UsBankAccount", "Session.ShippingCost",
          "Session.ShippingAddressCollection", "Session.TotalDetails", "Session.BrandingSettings",
          "Account.Company", "Account.FutureRequirements", "Account.Groups", "Charge.PaymentMethodDetails.Card.Wallet",
          "Account.Requirements.Error", "BankAccount.FutureRequirements", "BankAccount.Requirements",
          "Dispute.Evidence.EnhancedEvidence", "PaymentMethod.Card.GeneratedFrom",
          "PaymentMethod.Card.Wallet", "PaymentIntent.PaymentMethodOptions.Card.Installments",
          "SetupIntent.PaymentMethodOptions.Card.MandateOptions",
          "Invoice.CustomerTaxId", "Invoice.PaymentSettings.PaymentMethodOptions", "Subscription.PendingUpdate",
          "Subscription.PaymentSettings.PaymentMethodOptions"}  # fmt: skip
SHORT = 150  # lists of words up to this length stand where they are used
PLAIN = {"string": "str", "number": "num", "boolean": "bool", "null": "null", "any": "any", "unknown": "any",
         "true": "bool", "false": "bool", "OtherString": "", "Decimal": "str"}  # fmt: skip
TOKEN = re.compile(r"'[^']*'|[A-Za-z_$][\w$.]*|[{}\[\]<>()|&;:,?=]")
Fields = dict[str, str]


class Declarations:
    """Every declared name with its tokens, by qualified name: ``Refund.DestinationDetails``."""

    def __init__(self, texts: list[str]) -> None:
        """Read the declarations of several files."""
        self.found: dict[str, tuple[str, list[str]]] = {}
        for text in texts:
            self._tokens = TOKEN.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
            self._at = 0
            while self._at < len(self._tokens):
                self._statement("")

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _statement(self, inside: str) -> None:
        word = self._next()
        if word in ("export", "declare"):
            return
        if word not in ("interface", "type", "namespace", "class", "import"):
            if word == "{":
                self._skip("{", "}")
            return
        if word == "import":
            while self._next() != ";":
                pass
            return
        name = self._next()
        full = f"{inside}.{name}" if inside else name
        if word == "namespace":
            self._namespace(full)
        elif word == "type":
            self.found[full] = (word, self._until_semicolon())
        else:
            self._body(full, word)

    def _namespace(self, full: str) -> None:
        self._next()
        while self._tokens[self._at] != "}":
            self._statement(full)
        self._next()

    def _body(self, full: str, word: str) -> None:
        while self._next() != "{":  # past generics and what it extends
            pass
        start = self._at
        self._skip("{", "}")
        if word == "interface":
            self.found.setdefault(full, (word, self._tokens[start : self._at - 1]))

    def _skip(self, opening: str, closing: str) -> None:
        depth = 1
        while depth:
            word = self._next()
            depth += (word == opening) - (word == closing)

    def _until_semicolon(self) -> list[str]:
        tokens: list[str] = []
        depth = 0
        while (word := self._next()) != ";" or depth:
            depth += (word == "{") - (word == "}")
            tokens.append(word)
        return tokens[tokens.index("=") + 1 :]


class Shapes:
    """The declarations boiled down, from the wanted objects inwards."""

    def __init__(self, declared: Declarations) -> None:
        """Nothing is boiled down yet."""
        self._declared = declared.found
        self.types: dict[str, Any] = {}

    def add(self, full: str) -> None:
        """Boil one type down, and all it leads to."""
        if full in self.types:
            return
        word, tokens = self._declared[full]
        self.types[full] = {}
        self.types[full] = self._type(tokens, full)[0] if word == "type" else self._members(tokens, full)

    def _members(self, tokens: list[str], scope: str) -> Fields:
        fields: Fields = {}
        while tokens:
            if tokens[0] == "[":  # an index: [name: string]: T;
                name, tokens = "*", tokens[tokens.index("]") + 1 :]
            else:
                name, tokens = tokens[0].strip("'"), tokens[1:]
                if tokens[0] == "?":
                    name, tokens = f"{name}?", tokens[1:]
            fields[name], tokens = self._type(tokens[1:], scope)
            tokens = tokens[1:]
        return fields

    def _type(self, tokens: list[str], scope: str) -> tuple[str, list[str]]:
        """A union up to the first token that does not belong to it, and what follows."""
        parts: list[str] = []
        while True:
            part, tokens = self._one(tokens, scope)
            parts += [part] if part and part not in parts else []
            if not tokens or tokens[0] != "|":
                return "|".join(parts), tokens
            tokens = tokens[1:]

    def _one(self, tokens: list[str], scope: str) -> tuple[str, list[str]]:
        word, rest = tokens[0], tokens[1:]
        if word in ("(", "{"):
            return self._inline(word, rest, scope)
        if word in ("Array", "ApiList"):
            inner, rest = self._type(rest[1:], scope)
            return (f"[{inner}]" if word == "Array" else "list"), rest[1:]
        if word.startswith("'"):
            return f"={word.strip(chr(39))}", rest
        if word in PLAIN:
            return PLAIN[word], rest
        return self._reference(word, scope), rest

    def _inline(self, word: str, rest: list[str], scope: str) -> tuple[str, list[str]]:
        if word == "(":
            inner, rest = self._type(rest, scope)
            return inner, rest[1:]
        depth, at = 1, 0
        while depth:
            depth += (rest[at] == "{") - (rest[at] == "}")
            at += 1
        return "any", rest[at:]

    def _reference(self, name: str, scope: str) -> str:
        full = self._resolve(name, scope)
        if full is None:
            return "obj"
        holder, _, last = full.rpartition(".")
        if holder in HOLDERS and last not in KINDS and self._declared[full][0] == "interface" and self._is_kind(full):
            return "any"
        if full in UNSEEN:
            return "any"
        self.add(full)
        boiled = self.types[full]
        if isinstance(boiled, str) and len(boiled) <= SHORT:
            return boiled
        return f"&{full}"

    def _is_kind(self, full: str) -> bool:
        """Whether an interface is the hash of a payment method type: its holder names it ``card`` for ``Card``."""
        holder, _, last = full.rpartition(".")
        if holder == "PaymentMethod" and last in ("BillingDetails", "RadarOptions"):
            return False
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", last).lower()
        return f"{snake}" in self._declared[holder][1]

    def _resolve(self, name: str, scope: str) -> str | None:
        steps = scope.split(".")
        for depth in range(len(steps), -1, -1):
            full = ".".join([*steps[:depth], name])
            if full in self._declared and ("." in full or full in (*OBJECTS, *STUBS) or self._is_value(full)):
                return full
        return None

    def _is_value(self, full: str) -> bool:
        """Whether a name of the top level is a plain value such as an address, not an API object."""
        tokens = self._declared[full][1]
        return "object" not in tokens and "OtherString" not in tokens


def _used(types: dict[str, Any]) -> dict[str, Any]:
    """The types that an object leads to; short lists of words have been written where they are used."""
    return {
        name: boiled for name, boiled in sorted(types.items()) if not isinstance(boiled, str) or len(boiled) > SHORT
    }


def make(package: Path) -> dict[str, Any]:
    """The shapes of a package of the official Node client."""
    with tarfile.open(package) as archive:

        def read(name: str) -> str:
            member = archive.extractfile(f"package/esm/{name}")
            assert member is not None
            return member.read().decode()

        version = re.search(r"ApiVersion = ['\"]([^'\"]+)", read("apiVersion.d.ts"))
        texts = [
            read("shared.d.ts"),
            *(read(f"resources/{FILES.get(name, f'{name}s')}.d.ts") for name in OBJECTS),
        ]
    shapes = Shapes(Declarations(texts))
    for name in (*OBJECTS, *STUBS):
        shapes.add(name)
    objects = {shapes.types[name]["object"].removeprefix("="): name for name in OBJECTS}
    return {"api_version": version[1] if version else "", "objects": objects, "types": _used(shapes.types)}


def main() -> None:
    """Remake the file from a package."""
    made = make(Path(sys.argv[1]))
    lines = [f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in made.pop("types").items()]
    head = json.dumps(made)[1:-1]
    text = "{" + head + ',\n"types": {\n' + ",\n".join(lines) + "\n}}\n"
    Path(__file__).with_name("shapes.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
