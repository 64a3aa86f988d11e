"""Text that devices, files and errors bring, made safe to show on a line."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with whatever could break, reorder or steer a line as visible backslash escapes.

    Those are controls, escape sequences, separators, marks that turn the writing direction, and halves of surrogate
    pairs (which a file name that is no UTF-8 holds).
    """
    if text.isprintable():
        return text
    shown = text.encode(errors="backslashreplace").decode()
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in shown)
