"""What a request may carry, compiled once from the SDK's own parameter types: names, enums, integers, nesting."""

import re
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NoReturn

from billing.sandbox.forms import Node, Tree
from billing.sandbox.refusals import Obj, Refusal, invalid

INTEGER = re.compile(r"-?[0-9]{1,18}")
NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?")
MOST = 5000
LENGTHS = {  # of an object's own parameters, in characters (maxLength in github.com/stripe/openapi)
    "description": 1000, "email": 512, "name": 256, "phone": 20, "receipt_email": 800, "client_reference_id": 200,
    "customer_email": 800, "statement_descriptor": 22,
    "statement_descriptor_suffix": 22,
}  # fmt: skip
LONGER = {"CustomerCreateParams": {"description": MOST}, "CustomerUpdateParams": {"description": MOST}}
CLEARED = {"SubscriptionUpdateParams": {"default_payment_method"}}  # by an empty text, though the types do not say so
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
EMAILS = frozenset({"customer_email", "email", "receipt_email"})
Check = Callable[[str, Node], Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """The texts one value may be.

    Attributes:
        unset: an empty text clears the parameter.
        words: the allowed words of an enum; the SDK types leave enums open, the sandbox closes them.
        most: characters of a text.
        email: a text is an e-mail address.
    """

    unset: bool
    words: frozenset[str]
    boolean: bool
    integer: bool
    number: bool
    text: bool
    most: int = MOST
    email: bool = False

    def read(self, path: str, value: str) -> Any:  # noqa: ANN401  a parameter is a text, a number or a truth value
        """The typed value, or the provider's complaint about it."""
        if value in self.words or (value == "" and self.unset):
            return value
        if value == "":
            raise invalid(
                f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
                f"however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty "
                "value.", path, "parameter_invalid_empty",
            )  # fmt: skip
        if self.boolean and value in ("true", "false"):
            return value == "true"
        if self.integer and INTEGER.fullmatch(value):
            return int(value)
        if self.text:
            return self._checked(path, value)
        if self.number and NUMBER.fullmatch(value):
            return value
        raise self._complaint(path, value)

    def _checked(self, path: str, value: str) -> str:
        """A text no longer than its parameter takes; an e-mail address looks like one."""
        if len(value) > self.most:
            raise invalid(f"Invalid string: {path} must be at most {self.most} characters", path)
        if self.email and not EMAIL.fullmatch(value):
            raise invalid(f"Invalid email address: {path}", path, "email_invalid")
        return value

    def _complaint(self, path: str, value: str) -> Refusal:
        if self.words:
            words = sorted(self.words)
            listed = f"{', '.join(words[:-1])}, or {words[-1]}" if len(words) > 1 else words[0]
            return invalid(f"Invalid {path}: must be one of {listed}", path)
        if self.boolean:
            return invalid(f"Invalid boolean: {value}", path)
        if self.integer or self.number:
            return invalid(f"Invalid integer: {value}", path, "parameter_invalid_integer")
        return invalid(f"Invalid object: {path}", path)


class Shape:
    """The parameters of one request, or of one object inside it. Each is compiled when it is first used.

    Attributes:
        names: of the parameters there are.
    """

    def __init__(self, params: type) -> None:
        """Read the names; the types wait until a request uses them."""
        from stripe._request_options import RequestOptions  # costs half a second, and only the sandbox pays it

        options = RequestOptions.__annotations__
        self._types = {name: kind for name, kind in params.__annotations__.items() if name not in options}
        self._module = vars(sys.modules[params.__module__])
        self.names = frozenset(self._types)
        self._name = params.__name__
        self._checks: dict[str, Check] = {}
        self._required = [name for name in self._types if not _optional(self._hint(name))]

    def read(self, tree: Tree, path: str = "") -> Obj:
        """The typed parameters.

        Raises:
            Refusal: an unknown name, a missing one, a value of the wrong kind; 400, naming the parameter.
        """
        checks = self._checks
        values: Obj = {}
        for name, node in tree.items():
            full = f"{path}[{name}]" if path else name
            check = checks.get(name) or self._compile(name, full)
            values[name] = check(full, node)
        for name in self._required:
            if name not in values:
                full = f"{path}[{name}]" if path else name
                raise invalid(f"Missing required param: {full}.", full, "parameter_missing")
        return values

    def _compile(self, name: str, full: str) -> Check:
        if name not in self._types:
            raise invalid(f"Received unknown parameter: {full}", full, "parameter_unknown")
        lengths = LENGTHS | LONGER.get(self._name, {}) if self._name.endswith("Params") else {}
        email = name in EMAILS and not self._name.endswith("ListParams")
        clears = name in CLEARED.get(self._name, ())
        hint, most = self._hint(name), lengths.get(name, MOST)
        check = self._checks[name] = _check_of(hint, most, email=email, clears=clears)
        return check

    def _hint(self, name: str) -> Any:  # noqa: ANN401  a type expression
        holder = types.SimpleNamespace(__annotations__={name: self._types[name]})
        return typing.get_type_hints(holder, self._module, include_extras=True)[name]


def _optional(hint: object) -> bool:
    return getattr(typing.get_origin(hint), "__name__", getattr(typing.get_origin(hint), "_name", "")) == "NotRequired"


def _check_of(hint: object, most: int = MOST, *, email: bool = False, clears: bool = False) -> Check:
    """The check of one type expression: its texts of at most so many characters, and what may be nested in it."""
    kinds = _kinds(hint)
    leaf = Leaf(
        unset=clears or "" in _words(kinds), words=frozenset(_words(kinds) - {""}), boolean=bool in kinds,
        integer=int in kinds,
        number=any(getattr(kind, "__name__", "") in ("float", "Decimal") for kind in kinds),
        text=str in kinds and not _words(kinds) - {""} and not {bool, int} & set(kinds), most=most, email=email,
    )  # fmt: skip
    nested = [_nested(kind) for kind in kinds if _is_nested(kind)]

    def check(path: str, node: Node) -> Any:  # noqa: ANN401  as typed as the SDK says
        if isinstance(node, str):
            return leaf.read(path, node)
        for inner in nested:
            return inner(path, node)
        return _not_a_text(path)

    return check


def _kinds(hint: object) -> list[Any]:
    if _optional(hint):
        return _kinds(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(hint) for kind in _kinds(part)]
    return [hint]


def _words(kinds: list[Any]) -> set[str]:
    return {word for kind in kinds if typing.get_origin(kind) is typing.Literal for word in typing.get_args(kind)}


def _is_nested(kind: object) -> bool:
    return typing.get_origin(kind) in (list, dict) or hasattr(kind, "__required_keys__")


def _nested(kind: Any) -> Check:  # noqa: ANN401  a type expression
    match typing.get_origin(kind):
        case origin if origin is list:
            return _list_of(_check_of(typing.get_args(kind)[0]))
        case origin if origin is dict:
            return _map_of(_check_of(str | typing.Literal[""]))
        case _:
            shape = _lazily(kind)
            return lambda path, node: shape().read(_container(path, node), path)


def _lazily(params: type) -> Callable[[], Shape]:
    return lru_cache(maxsize=1)(lambda: Shape(params))


def _list_of(check: Check) -> Check:
    def read(path: str, node: Node) -> list[Any]:
        items = _container(path, node)
        if not all(name.isascii() and name.isdigit() for name in items):
            raise invalid(f"Invalid array: {path}", path)
        return [check(f"{path}[{name}]", items[name]) for name in sorted(items, key=int)]

    return read


def _map_of(check: Check) -> Check:
    return lambda path, node: {name: check(f"{path}[{name}]", value) for name, value in _container(path, node).items()}


def _container(path: str, node: Node) -> Tree:
    if isinstance(node, str):
        raise invalid(f"Invalid object: {path}", path)
    return node


def _not_a_text(path: str) -> NoReturn:
    raise invalid(f"Invalid string: {path} must be a string", path)


@lru_cache(maxsize=256)
def shape(name: str) -> Shape:
    """The shape of one class of ``stripe.params``: ``PaymentIntentCreateParams``, ``checkout.SessionCreateParams``."""
    import stripe.params  # costs half a second, and only the sandbox pays it

    return Shape(attrgetter(name)(stripe.params))
