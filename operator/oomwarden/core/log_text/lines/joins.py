"""Decide whether two lines are one message that a mail or a terminal has wrapped, and join them."""

import re

_FIELDS = (
    "total-vm|anon-rss|file-rss|shmem-rss|vsz|pgtables|UID|uid|oom_score_adj|gfp_mask|order|limit"
)
_WORDS = frozenset(
    [
        "killed",
        "kill",
        "process",
        "score",
        "or",
        "sacrifice",
        "child",
        "memory",
        "cgroup",
        "out",
        "of",
        "tasks",
        "task",
        "in",
        "are",
        "going",
        "to",
        "be",
        "due",
        "set",
        "as",
        "a",
        "result",
        "limit",
        "invoked",
        "oom-killer",
        "usage",
        "failcnt",
        "oom_reaper",
        "reaped",
        "now",
        "memory.oom.group",
        "total-vm",
        "anon-rss",
        "file-rss",
        "shmem-rss",
        "pgtables",
        "oom_score_adj",
        "oom-kill",
        "uid",
    ]
)
_TOKEN = re.compile(rf"(?:{_FIELDS})[:=]-?\d*(?:k|kB)?,?|\d+k?B?,?")
# What may follow where a message without a time stamp is cut off.
_GOES_ON = re.compile(
    rf"(?:{_FIELDS}|process|score|or sacrifice|sacrifice|child|cgroup|out of|of memory|memory[.:]"
    r"|killed|as a result|result|limit|are going|going|be killed|due|to memory|to be|or a child"
    r"|k?B[,\s]|B$|kB$|rss:|vm:|cess|mory|\(|\)|/|,|\d|UID|oom\.group|set$|usage|failcnt)"
)
ANCHOR = re.compile(
    r"[Kk]ill(?:ed)? process \d|oom-kill:constraint=|invoked oom-killer|oom-killer: gfp_mask"
    r"|[Mm]emory cgroup out of memory|[Oo]ut of [Mm]emory(?: \(\w+\))?:|Tasks? in /"
    r"|Memory cgroup stats|(?:memory|swap|kmem): usage|oom_reaper: |System OOM encountered"
    r"|OOMKilled\s|messages dropped|callbacks suppressed|messages suppressed"
)
"""Where a message of the OOM killer begins; another one cannot go on there."""
_OPEN_WHY = re.compile(
    r"(?:Memory(?: cgroup(?: out(?: of)?)?)?|(?:Memory cgroup )?[Oo]ut(?: of)?"
    r"|[Oo]ut of [Mm]emory(?: \(\w+\))?:?)\s*$"
)
_BARE = re.compile(r"(?:(?!kill)[^(=]){0,160}(?:\]:?|kernel:|;)\s*")
"""A prefix whose message is on the next line."""
_FIELD_END = re.compile(
    r"(?:cpuset|mems_allowed|_memcg|task|pid|uid|nodemask|constraint|gfp_mask|order|adj)=$"
)
_PRINTABLE = re.compile(r"(?:oom-kill:constraint|gfp_mask)=3D")
_PHRASE = 48
_CUT_PHRASE = re.compile(r"ut of memory: (?:K|Ki|Kil|Kill|Kille|Killed|Killed p\w{0,6})$")
_TERMINAL = 80
"""Columns of a terminal that chops lines anywhere; mail wraps shorter lines, at spaces."""
_OPEN_COMM = re.compile(r"process \d{1,10} \([^)]{1,15}$")
_ROW = re.compile(r"\[ *\d+\](?: +-?\d+){3}")
_WORTH = re.compile(
    r"[Kk]ill(?:ed)? process|[Oo]ut of [Mm]emory|Tasks? in|oom-kill:|oom-killer|: usage"
    r"|killed as a result"
)
_COMPLETE = re.compile(
    r"oom_score_adj:-?\d+\s*$|,uid=-?\d+\s*$|sacrifice child\s*$|failcnt \d+\s*$"
)


def is_unfinished_why(text: str) -> bool:
    """Return whether a line ends within `Memory cgroup out of memory:`."""
    return _OPEN_WHY.search(text) is not None


def is_cut_phrase(text: str) -> bool:
    """Return whether a line ends within `Out of memory: Killed process`."""
    end = text[-_PHRASE:]
    return "ut of memory: K" in end and _CUT_PHRASE.search(end) is not None


def goes_on(before: str, text: str, *, stamped: bool) -> bool:
    """Return whether a line may go on with the message before it.

    Args:
        before: The message so far.
        text: The line, which has no time stamp.
        stamped: Whether the message before it has one.
    """
    if ANCHOR.search(text) is not None:
        return is_unfinished_why(before) or (stamped and _BARE.fullmatch(before) is not None)
    if stamped:
        return True
    return (
        _WORTH.search(before) is not None
        and _COMPLETE.search(before) is None
        and _GOES_ON.match(text) is not None
    )


def unquoted_printable(text: str) -> str:
    """Return a text without the escapes of quoted-printable mail, if it has them for certain."""
    return text.replace("=3D", "=").replace("=20", " ") if _PRINTABLE.search(text) else text


def joined(before: str, text: str) -> str:
    """Join two lines as they were before they were wrapped: with a space, or within a word."""
    if before.endswith("=") and _FIELD_END.search(before) is None:  # quoted-printable
        return f"{before[:-1]}{text}"
    is_chopped = len(before) >= _TERMINAL or not text[:1].isalpha()
    if is_chopped and _OPEN_COMM.search(before[-_PHRASE:]):
        return before + text
    if before.endswith((" ", ",", ":")) and "oom-kill:" not in before:
        return f"{before.rstrip()} {text.lstrip()}"
    return f"{before}{'' if _is_within_word(before, text) else ' '}{text}"


def _is_within_word(before: str, text: str) -> bool:
    if "oom-kill:constraint" in before:
        return True
    last = before.rpartition(" ")[2]
    first = text.partition(" ")[0]
    if last[-1:].isdigit() and first[:1].isdigit():
        return _ROW.search(before) is None
    if last.startswith("/"):
        return first.strip(".,:") not in _WORDS
    word, whole = last.strip("(,:").lower(), (last + first).strip("(,:").lower()
    if whole in _WORDS:
        return word not in _WORDS or first.strip(",:").lower() not in _WORDS
    return first != "" and not first.startswith("(") and _is_token(last, first)


def _is_token(last: str, first: str) -> bool:
    """Return whether a field such as `file-rss:12704kB` goes over the end of the line."""
    if re.match(rf"(?:{_FIELDS})[:=]", first):
        return False
    return _TOKEN.fullmatch(last + first) is not None and not last.endswith("kB")
