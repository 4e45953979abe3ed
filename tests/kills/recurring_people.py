"""Made-up payers, whose names must reach the provider and nothing else: every file of a world is searched for them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MARKS = (b"quaxolt", b"canary-post", b"wobblefisk", b"30 9018")
# What every name, address and number of these people has in it, in small letters.
HEADER = ("reference", "email", "name", "phone", "types", "description")


class Saves(StrEnum):
    """With what, and how, a payer saves payment details."""

    CARD = "card"  # --confirm-with, in the payer's place
    BANK = "bank"  # the same, a US bank account
    PAGE = "page"  # in the browser, on our page
    ASKED = "asked"  # the same, and the bank asks (3D Secure)
    EMPTY = "empty"  # the same; the card saves, and declines whatever is charged later


CONFIRMED = {Saves.CARD: "pm_card_visa", Saves.BANK: "pm_usBankAccount_success"}
# Who is answered for in test mode, and with which of Stripe's test methods.
TYPED = {Saves.PAGE: "4242424242424242", Saves.ASKED: "4000002500003155", Saves.EMPTY: "4000000000000341"}
# What the others type into the form. (docs.stripe.com/testing)
TURN = (Saves.CARD, Saves.ASKED, Saves.BANK, Saves.PAGE, Saves.EMPTY, Saves.CARD, Saves.PAGE, Saves.CARD, Saves.ASKED)
# Who comes after whom: half of them in a browser, a third of those asked by their bank.


@dataclass(frozen=True, slots=True)
class Person:
    """One payer."""

    number: int
    saves: Saves

    @property
    def reference(self) -> str:
        """The line's name."""
        return f"PAY-{self.number:04d}"

    @property
    def cells(self) -> Sequence[str]:
        """The line."""
        who = (f"quaxolt.{self.number}@canary-post.example", f"Zephyr Quaxolt {self.number}")
        types = "us_bank_account" if self.saves is Saves.BANK else "card"
        return (self.reference, *who, f"+49 30 9018{self.number:04d}", types, "Membership")


def people(count: int) -> list[Person]:
    """Return so many of them, everyone's way to save in turn."""
    return [Person(number, TURN[number % len(TURN)]) for number in range(count)]


def sheet(persons: Iterable[Person]) -> str:
    """Return the run file that asks them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(person.cells for person in persons)
    return text.getvalue()


def renamed(number: int) -> dict[str, str]:
    """Return what a payer is called afterwards."""
    return {"name": f"Zephyr Wobblefisk {number}", "email": f"wobblefisk.{number}@canary-post.example"}


def written_below(folder: Path) -> Iterator[str]:
    """Return each file below a folder in which one of their names stands, and which part of it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found = path.read_bytes().lower()
            yield from (f"{path.relative_to(folder)} has {mark.decode()!r}" for mark in MARKS if mark in found)
            yield from (f"the name {path.name!r}" for mark in MARKS if mark in path.name.lower().encode())
