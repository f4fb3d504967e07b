"""People and things that problems are about."""

from __future__ import annotations

SHE = ("Mia", "Ann", "Eva", "Lily", "Zoe", "Nora", "Ruth", "Ivy", "Kim", "Jane")
HE = ("Tom", "Ben", "Sam", "Leo", "Max", "Dan", "Paul", "Hugo", "Omar", "Jack")
PEOPLE = SHE + HE
POSSESSIVE = dict.fromkeys(SHE, "her") | dict.fromkeys(HE, "his")

ITEMS: tuple[str, ...] = ("marbles", "shells", "coins", "pens", "books", "stamps", "cards", "apples")
ITEMS += ("beads", "stickers", "toys", "balls", "cookies", "buttons", "stones", "keys")
CONTAINERS = {"boxes": "box", "bags": "bag", "baskets": "basket", "chests": "chest"}  # plural: singular

TIMES = {2: "twice", 3: "3 times", 4: "4 times", 5: "5 times"}
PARTS = {2: "half", 3: "one third", 4: "one quarter", 5: "one fifth"}
