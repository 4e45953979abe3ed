"""Upgrades: a ledger of an earlier version is carried over into a new file, and the old one is kept.

| file | question |
|---|---|
| `upgrading.py` | what `billing ledger upgrade` does, in its order |
| `replacing.py` | how one file takes the place of another, whatever cuts it off |
| `version_1.py`, `version_2.py` | what a sound ledger of that version looks like |
| `from_1.py`, `from_2.py` | how each of its rows becomes one of this version |
| `carrying.py` | what every upgrade writes alike |
"""
