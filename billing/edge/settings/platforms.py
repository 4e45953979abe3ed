"""The tables of a settings file that name platforms: each with its account, its key, and what is otherwise for it."""

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path

from billing.edge.secrets import KeyPlace
from billing.edge.settings import values
from billing.edge.settings.layers import Layers
from billing.edge.settings.table import BY_NAME, Holds, Setting
from billing.edge.texts.forms import Forms, place_of
from billing.edge.texts.yaml_tree import Mapping as Section
from billing.edge.texts.yaml_tree import Node

PLATFORMS = "platforms"
KEYS = {
    "key_file": Setting("key_file", "", values.KEY_FILE, "", "The file that holds the key."),
    "key_env": Setting("key_env", "", values.KEY_VARIABLE, "", "The variable that holds the key."),
}
"""What only a platform's table may say: where its key is, never the key."""

OF_A_PLATFORM = {
    **KEYS,
    **{name: setting for name, setting in BY_NAME.items() if setting.holds is Holds.PLATFORM},
}


@dataclass(slots=True)
class PlatformTable:
    """One named platform, as the settings file has it.

    Attributes:
        name: of the operator's own.
        place: line and column of the name.
        source: the same as ``FILE:LINE``.
        layers: the settings that are otherwise for it, and its ``key_file`` or ``key_env``.
    """

    name: str
    place: tuple[int, int]
    source: str
    layers: Layers = field(default_factory=Layers)

    @property
    def account(self) -> str:
        """The platform account that its key must belong to."""
        return str(self.layers.values["platform"])

    def key_place(self, others: frozenset[str]) -> KeyPlace | None:
        """Return where its key is, or None when it says nothing of it.

        Args:
            others: variables that the tables name for keys: that one of them is set says nothing of this platform.
        """
        for name in KEYS:
            if self.layers.values.get(name):
                file, variable = self.layers.values.get("key_file"), self.layers.values.get("key_env")
                source = self.layers.sources[name]
                return KeyPlace(self.name, Path(file) if file else None, variable or "", source, others)
        return None


@dataclass(frozen=True, slots=True)
class Written:
    """One value of a file, before it is read: a dotted name, its text and its place."""

    name: str
    text: str
    place: tuple[int, int]


Read = Callable[[Section], Iterator[Written]]
"""Takes a section apart into its values."""

Take = Callable[[Layers, Mapping[str, Setting], Written], None]
"""Puts a value that is written into layers, given the settings there are; it reports what is wrong."""


def read_platforms(forms: Forms, node: Node | None, file: str, read: Read, take: Take) -> tuple[PlatformTable, ...]:
    """Read the tables, in their order; problems are reported with their places."""
    if node is None:
        return ()
    section = forms.section(node, PLATFORMS, node.entries if isinstance(node, Section) else ())
    found = []
    for name, each in section.entries.items():
        place = section.keys[name]
        table = PlatformTable(name, place, f"{file}:{place[0]}")
        _check_name(forms, table)
        if isinstance(each, Section):
            for written in read(each):
                if not _is_of_all(forms, written):
                    take(table.layers, OF_A_PLATFORM, written)
        else:
            forms.problem(place_of(each), "yaml_shape", f"platforms.{name} must be a mapping of names to values")
        found.append(table)
    return tuple(found)


def _check_name(forms: Forms, table: PlatformTable) -> None:
    try:
        values.PLATFORM_NAME.read(table.name)
    except ValueError as error:
        forms.problem(table.place, "platform_name", f'"{table.name}" {error}', "a name of your own, such as shop-eu")


def _is_of_all(forms: Forms, written: Written) -> bool:
    setting = BY_NAME.get(written.name)
    if setting is None or setting.holds is Holds.PLATFORM:
        return False
    of_all = setting.holds is Holds.ALL
    hint = "write it above the platforms" if of_all else "leave it out"
    what = "is the same for every platform" if of_all else "is no setting of a file"
    forms.problem(written.place, "setting_place", f"{written.name} {what}", hint)
    return True


def check_platforms(forms: Forms, tables: tuple[PlatformTable, ...], general: Layers) -> None:
    """Report what does not agree between tables, or with what holds for all."""
    for table in tables:
        said = table.layers.values
        if not said.get("platform"):
            forms.problem(table.place, "missing", f"platform {table.name} has no account", "platform: acct_...")
        if all(said.get(name) for name in KEYS):
            hint = "keep the one that is meant"
            forms.problem(table.place, "platform_key", f"platform {table.name} has both key_file and key_env", hint)
    if tables and "platform" in general.values:
        line = general.sources["platform"].rpartition(":")[2]
        what = "platform names one account, and platforms names each"
        forms.problem((int(line), 1), "setting_place", what, "leave it out here")
    for rule in ALONE:
        _check_alone(forms, tables, rule)
    _check_ledger_keys(forms, tables, general)


@dataclass(frozen=True, slots=True)
class Alone:
    """What two named platforms may not share.

    Attributes:
        code: of the problem.
        shared: whether two tables do.
        what: the rest of a sentence that begins with two names.
        hint: what would help.
    """

    code: str
    shared: Callable[[PlatformTable, PlatformTable], bool]
    what: str
    hint: str


def _one_account(first: PlatformTable, second: PlatformTable) -> bool:
    """Whether runs of two platforms could be for one account in one mode: a table without a mode is for both modes."""
    one, other = first.layers.values, second.layers.values
    modes = {one.get("mode"), other.get("mode")}
    return one.get("platform") == other.get("platform") is not None and (None in modes or len(modes) == 1)


def _one_key(first: PlatformTable, second: PlatformTable) -> bool:
    return not _keys_of(first).isdisjoint(_keys_of(second))


def _keys_of(table: PlatformTable) -> set[str]:
    said = table.layers.values
    return {normpath(said[name]) if name == "key_file" else said[name] for name in KEYS if said.get(name)}


ALONE = (
    Alone("platform_account", _one_account, "are one account",
          "keep one, or give each its mode (mode: test, mode: live)"),
    Alone("platform_key", _one_key, "have one key",
          "a key belongs to one account and one mode"),
)  # fmt: skip


def _check_alone(forms: Forms, tables: tuple[PlatformTable, ...], rule: Alone) -> None:
    for number, table in enumerate(tables):
        other = next((each for each in tables[:number] if rule.shared(each, table)), None)
        if other is not None:
            what = f"platforms {other.name} (line {other.place[0]}) and {table.name} {rule.what}"
            forms.problem(table.place, rule.code, what, rule.hint)


def _check_ledger_keys(forms: Forms, tables: tuple[PlatformTable, ...], general: Layers) -> None:
    """A ledger has one key: two platforms that share the one share the other."""
    sharing: defaultdict[str, list[tuple[PlatformTable, str]]] = defaultdict(list)
    for table in tables:
        ledger, key = (
            str(table.layers.values.get(name) or general.values.get(name) or "")
            for name in ("ledger", "ledger_key_file")
        )
        sharing[normpath(ledger)].append((table, normpath(key)))
    for (first, key), *others in sharing.values():
        for table, another in others:
            if another != key:
                what = f"platforms {first.name} (line {first.place[0]}) and {table.name} share a ledger"
                hint = "one ledger_key_file for both, or a ledger for each"
                forms.problem(table.place, "ledger_key", f"{what}, and name different keys of it", hint)


def account_trouble(table: PlatformTable, layers: Layers) -> list[str]:
    """Return why the account that is effective is not the table's: a variable says otherwise."""
    if layers.values["platform"] == table.account:
        return []
    said = f"{layers.sources['platform'].removeprefix('env ')} says {layers.values['platform']}"
    return [f"{said}, and platform {table.name} is {table.account} ({table.source}); unset it"]


def chosen(tables: tuple[PlatformTable, ...], name: str, source: str) -> PlatformTable:
    """Return the table of a name.

    Raises:
        LookupError: there is none; the message is for the operator.
    """
    for table in tables:
        if table.name == name:
            return table
    if not tables:
        raise LookupError(f"{source}: the settings name no platforms, so {name} means nothing (billing config show)")
    names = [table.name for table in tables]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
    raise LookupError(f"{source}: there is no platform {name} ({meant})")
