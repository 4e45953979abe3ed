"""Values of settings as they are gathered: a later layer lies over the earlier ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.edge.settings.settings_text import about
from billing.edge.settings.table import SETTINGS, Setting
from billing.edge.texts.problems import FieldError


@dataclass(slots=True)
class Layers:
    """Values with what they were written as and where, by the name of their setting; the strongest layer last."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_defaults(cls) -> "Layers":
        """Return every setting at its default."""
        layers = cls()
        for setting in SETTINGS:
            layers.put(setting, setting.default, "default")
        return layers

    def put(self, setting: Setting, text: str, source: str) -> None:
        """Take a value.

        Raises:
            ValueError: the text cannot be read; the message continues the name of the setting.
        """
        if not text and setting.default:
            raise ValueError("is empty")
        if not source.startswith("env ") and (secret := setting.value.secret(text)):
            raise FieldError("", "setting_value", secret)
        self.values[setting.name] = setting.value.read(text) if text else None
        self.sources[setting.name] = source
        self.texts[setting.name] = setting.value.shown(text)

    def lay(self, over: "Layers") -> None:
        """Put every value of another layer over the ones that are here."""
        self.values |= over.values
        self.sources |= over.sources
        self.texts |= over.texts


def of_environment(environ: Mapping[str, str], problems: list[str]) -> Layers:
    """Return what variables say; what is wrong with them goes to ``problems``."""
    layers = Layers()
    for setting in SETTINGS:
        _take(layers, problems, setting, environ.get(setting.env), f"env {setting.env}", setting.env)
    return layers


def of_flags(flags: Mapping[str, str | None], problems: list[str]) -> Layers:
    """Return what was typed, by the name of the setting; what is wrong with it goes to ``problems``."""
    layers = Layers()
    for setting in SETTINGS:
        _take(layers, problems, setting, flags.get(setting.name), "flag", setting.flag)
    return layers


def _take(layers: Layers, problems: list[str], setting: Setting, text: str | None, source: str, where: str) -> None:
    """Put a value of the environment or a flag; an empty text counts as not given."""
    if not text:
        return
    try:
        layers.put(setting, text.strip(), source)
    except ValueError as error:
        problems.append(f"{where}: {about(setting.value.shown(text), error)}")
