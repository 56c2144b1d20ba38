"""Text that tenants choose: it is made printable and truncated, but never rejected."""


def readable(text: object, size: int) -> str:
    """Escape unprintable characters, and truncate to `size` characters.

    Control characters, line ends, lone surrogates and bidirectional marks could forge lines of a
    log or of `kubectl get`.
    """
    whole = text if isinstance(text, str) else str(text)
    if len(whole) <= size and whole.isprintable():
        return whole
    return "".join(each if each.isprintable() else _escaped(each) for each in whole[:size])[:size]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
