"""Which platform a run file is for, asked before there are settings to read it with."""

from pathlib import Path

from billing.edge.runfiles.yamlfile import LARGEST
from billing.edge.texts.problems import Unreadable
from billing.edge.texts.yaml_tree import Mapping, Scalar, parsed

_YAML = frozenset({".yaml", ".yml", ".json"})


def platform_of(path: Path) -> str:
    """Return the name that a YAML run file gives; empty where it gives none, or cannot be read: its reader says why."""
    if path.suffix.lower() not in _YAML:
        return ""
    try:
        if path.stat().st_size > LARGEST:
            return ""
        root = parsed(path.read_text(encoding="utf-8-sig"), lambda _line, _fault: None)
    except (OSError, ValueError, Unreadable):
        return ""
    said = root.entries.get("platform") if isinstance(root, Mapping) else None
    return said.text.strip(" ") if isinstance(said, Scalar) else ""
