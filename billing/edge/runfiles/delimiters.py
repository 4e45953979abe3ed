"""What separates the fields of a CSV: a character, or the word for one that is hard to type."""

WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_NEVER = '\r\n" .-_'
# Line ends, the quote, and what stands inside ids and amounts.


def delimiter_of(text: str) -> str:
    """The character that a word or a character stands for; nothing stands for a comma.

    Raises:
        ValueError: it is neither.
    """
    char = WORDS.get(text, text) or ","
    if len(char) != 1 or char in _NEVER or not char.isascii() or char.isalnum():
        raise ValueError("must be one character, or one of: " + ", ".join(sorted(WORDS)))
    return char
