"""Kernel messages in the forms in which people have them: what prints, stores or quotes them."""

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BOOT = datetime(2026, 5, 16, 8, 0, 0, tzinfo=UTC)
HOST = "node-a"


@dataclass(frozen=True)
class Said:
    """A message of the kernel: level, seconds since boot, text."""

    level: int
    stamp: float
    text: str

    @property
    def time(self) -> datetime:
        return BOOT + timedelta(seconds=self.stamp)

    @property
    def micros(self) -> int:
        return round(self.stamp * 1e6)


LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
Form = Callable[[Sequence[Said]], str]


def _each(line: Callable[[Said], str]) -> Form:
    return lambda said: "".join(f"{line(each)}\n" for each in said)


def _syslog(each: Said) -> str:
    return each.time.strftime("%b %e %H:%M:%S")


def _journal(each: Said) -> dict[str, object]:
    return {
        "__CURSOR": "s=0123456789abcdef;i=1",
        "__REALTIME_TIMESTAMP": str(int(BOOT.timestamp() * 1e6) + each.micros),
        "__MONOTONIC_TIMESTAMP": str(each.micros + 5),
        "_BOOT_ID": "0123456789abcdef",
        "PRIORITY": str(each.level),
        "_HOSTNAME": HOST,
        "MESSAGE": each.text,
        "_SOURCE_MONOTONIC_TIMESTAMP": str(each.micros),
        "SYSLOG_IDENTIFIER": "kernel",
        "_TRANSPORT": "kernel",
    }


def _octets(each: Said) -> dict[str, object]:
    return {**_journal(each), "MESSAGE": list(each.text.encode())}


def _pretty(entry: dict[str, object]) -> str:
    rows = ",\n".join(f"\t{json.dumps(key)} : {json.dumps(value)}" for key, value in entry.items())
    return f"{{\n{rows}\n}}\n"


def _export(each: Said) -> str:
    return "".join(f"{key}={value}\n" for key, value in _journal(each).items()) + "\n"


def _verbose(each: Said) -> str:
    entry = {k: v for k, v in _journal(each).items() if not k.startswith("__")}
    head = each.time.strftime("%a %Y-%m-%d %H:%M:%S.%f UTC [s=0123456789abcdef;i=1;b=0123]\n")
    return head + "".join(f"    {key}={value}\n" for key, value in entry.items())


def _deltas(said: Sequence[Said]) -> str:
    lines, before = [], None
    for each in said:
        minute = each.time.strftime("%b%e %H:%M")
        lines.append(f"[{minute}] " if minute != before else "[  +0.000123] ")
        lines[-1] += each.text
        before = minute
    return "\n".join(lines) + "\n"


def _wrapped(said: Sequence[Said], width: int) -> str:
    """Quote lines in a mail; the mailer wraps at spaces."""
    lines = []
    for each in said:
        line = ""
        for word in f"[{each.stamp:12.6f}] {each.text}".split(" "):
            if line and len(line) + len(word) >= width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return "".join(f"> {line}\n" for line in lines)


def _chopped(said: Sequence[Said], width: int) -> str:
    """Copy lines from a terminal that cuts them at any character."""
    lines = []
    for each in said:
        line = f"[{each.stamp:12.6f}] {each.text}"
        lines += [line[at : at + width] for at in range(0, len(line), width)]
    return "\n".join(lines) + "\n"


def _dmesg_json(said: Sequence[Said]) -> str:
    rows = ",".join(
        f'{{\n         "pri": {each.level},\n         "time": {each.stamp:12.6f},\n'
        f'         "msg": {json.dumps(each.text)}\n      }}'
        for each in said
    )
    return f'{{\n   "dmesg": [\n      {rows}\n   ]\n}}\n'


def _docker(each: Said) -> str:
    entry = {"log": f"[{each.stamp:12.6f}] {each.text}\n", "stream": "stdout"}
    return json.dumps({**entry, "time": each.time.isoformat()})


def _cloud(each: Said) -> str:
    payload = {"MESSAGE": each.text, "_HOSTNAME": HOST, "PRIORITY": str(each.level)}
    entry = {"insertId": "x1", "jsonPayload": payload, "timestamp": each.time.isoformat()}
    return json.dumps(entry)


def _iso(each: Said) -> str:
    return each.time.isoformat(timespec="microseconds")


def _short(each: Said) -> str:
    return f"{_syslog(each)} {HOST} kernel: {each.text}"


FORMS: dict[str, Form] = {
    "dmesg": _each(lambda m: f"[{m.stamp:12.6f}] {m.text}"),
    "dmesg -T": _each(lambda m: f"[{m.time:%a %b %e %H:%M:%S %Y}] {m.text}"),
    "dmesg -e": _deltas,
    "dmesg -d": _each(lambda m: f"[{m.stamp:12.6f} <    0.000123>] {m.text}"),
    "dmesg -T -d": _each(lambda m: f"[{m.time:%a %b %e %H:%M:%S %Y} <    0.000123>] {m.text}"),
    "dmesg -x": _each(lambda m: f"kern  :{LEVELS[m.level]:<6}: [{m.stamp:12.6f}] {m.text}"),
    "dmesg -x -T": _each(
        lambda m: f"kern  :{LEVELS[m.level]:<6}: [{m.time:%a %b %e %H:%M:%S %Y}] {m.text}"
    ),
    "dmesg --time-format iso": _each(lambda m: f"{_iso(m).replace('.', ',')} {m.text}"),
    "dmesg -t": _each(lambda m: m.text),
    "dmesg -r": _each(lambda m: f"<{m.level}>[{m.stamp:12.6f}] {m.text}"),
    "dmesg -J": _dmesg_json,
    "caller": _each(lambda m: f"[{m.stamp:12.6f}] [ T4242] {m.text}"),
    "caller on the console": _each(lambda m: f"[{m.stamp:12.6f}][ T4242] {m.text}"),
    "colours": _each(
        lambda m: f"\x1b[32m[{m.stamp:12.6f}] \x1b[0m\x1b[33mx: \x1b[0m\x1b[31m{m.text}\x1b[0m"
    ),
    "less": _each(lambda m: f"ESC[32m[{m.stamp:12.6f}] ESC[0m{m.text}"),
    "kmsg": _each(
        lambda m: f"{m.level},1234,{m.micros},-;{m.text}\n SUBSYSTEM=pci\n DEVICE=+pci:1"
    ),
    "kmsg with caller": _each(lambda m: f"{m.level},1234,{m.micros},-,caller=T42;{m.text}"),
    "journalctl -k": _each(_short),
    "short-precise": _each(lambda m: f"{_syslog(m)}.{m.time:%f} {HOST} kernel: {m.text}"),
    "short-iso": _each(lambda m: f"{m.time:%Y-%m-%dT%H:%M:%S}+0000 {HOST} kernel: {m.text}"),
    "short-iso-precise": _each(lambda m: f"{_iso(m)} {HOST} kernel: {m.text}"),
    "short-full": _each(lambda m: f"{m.time:%a %Y-%m-%d %H:%M:%S} UTC {HOST} kernel: {m.text}"),
    "with-unit": _each(lambda m: f"{m.time:%a %Y-%m-%d %H:%M:%S} CEST {HOST} kernel[1]: {m.text}"),
    "short-monotonic": _each(lambda m: f"[{m.stamp:12.6f}] {HOST} kernel: {m.text}"),
    "short-delta": _each(lambda m: f"[{m.stamp:12.6f} <    0.000123 >] {HOST} kernel: {m.text}"),
    "short-unix": _each(lambda m: f"{BOOT.timestamp() + m.stamp:.6f} {HOST} kernel: {m.text}"),
    "journalctl -o verbose": lambda said: "".join(map(_verbose, said)),
    "journalctl -o export": lambda said: "".join(map(_export, said)),
    "journalctl -o json": _each(lambda m: json.dumps(_journal(m))),
    "journalctl -o json of bytes": _each(lambda m: json.dumps(_octets(m), separators=(",", ":"))),
    "journalctl -o json-pretty": lambda said: "".join(_pretty(_journal(m)) for m in said),
    "json-pretty of bytes": lambda said: "".join(_pretty(_octets(m)) for m in said),
    "journalctl -o json-sse": _each(lambda m: f"data: {json.dumps(_journal(m))}\n"),
    "journalctl -o json-seq": _each(lambda m: f"\x1e{json.dumps(_journal(m))}"),
    "syslog with stamp": _each(lambda m: f"{_syslog(m)} {HOST} kernel: [{m.stamp:12.6f}] {m.text}"),
    "syslog with priority": _each(lambda m: f"<{m.level}>{_short(m)}"),
    "RFC 5424": _each(
        lambda m: f"<{m.level}>1 {_iso(m)} {HOST} kernel - - - [{m.stamp:12.6f}] {m.text}"
    ),
    "RFC 5424 with data": _each(
        lambda m: f'<{m.level}>1 {_iso(m)} {HOST} kernel - - [origin x="1"] {m.text}'
    ),
    "RFC 3339": _each(lambda m: f"{_iso(m)} {HOST} kernel: [{m.stamp:12.6f}] {m.text}"),
    "serial console": lambda said: "".join(f"[{m.stamp:12.6f}] {m.text}\r\r\n" for m in said),
    "talosctl": _each(
        lambda m: (
            f"10.5.0.2: kern: {LEVELS[m.level]:>7}: [{m.time:%Y-%m-%dT%H:%M:%S.%f}000Z]: {m.text}"
        )
    ),
    "CRI": _each(lambda m: f"{_iso(m)} stdout F [{m.stamp:12.6f}] {m.text}"),
    "kubectl logs --prefix": _each(
        lambda m: f"[pod/logs-x7/tail] {_syslog(m)} {HOST} kernel: [{m.stamp:12.6f}] {m.text}"
    ),
    "docker": _each(_docker),
    "compose": _each(lambda m: f"tail_1  | {_short(m)}"),
    "klog": _each(
        lambda m: (
            f"I{m.time:%m%d %H:%M:%S.%f}   1234 log_monitor.go:160] New status generated: "
            f"&{{Source:kernel-monitor Events:[{{Severity:warn Reason:OOM Message:{m.text}}}]}}"
        )
    ),
    "cloud": _each(_cloud),
    "CSV": _each(lambda m: f'"{_iso(m)}","{HOST}","{m.text}"'),
    "grep": _each(lambda m: f"/var/log/kern.log:{_short(m)}"),
    "grep -n": _each(lambda m: f"4711:{_short(m)}"),
    "events": _each(
        lambda m: f"22m         Warning   OOMKilling           node/{HOST}          {m.text}"
    ),
    "describe": _each(
        lambda m: f"  Warning  OOMKilling  22m (x3 over 1h)  kernel-monitor, {HOST}  {m.text}"
    ),
    "quoted": _each(lambda m: f"> > [{m.stamp:12.6f}] {m.text}"),
    "wrapped at 72": lambda said: _wrapped(said, 72),
    "wrapped at 100": lambda said: _wrapped(said, 100),
    "chopped at 80": lambda said: _chopped(said, 80),
    "chopped at 132": lambda said: _chopped(said, 132),
    "bullets": _each(lambda m: f"- [{m.stamp:12.6f}] {m.text}"),
    "entities": _each(lambda m: html.escape(f"> <{m.level}>[{m.stamp:12.6f}] {m.text}") + "<br/>"),
    "fences": lambda said: "```text\n" + FORMS["journalctl -k"](said) + "```\n",
    "indented": _each(lambda m: f"    [{m.stamp:12.6f}] {m.text}"),
    "VMware": _each(
        lambda m: f"{_iso(m)} In(05) vcpu-5 - Guest: <{m.level}>[{m.stamp:12.6f}] {m.text}"
    ),
    "Windows": lambda said: FORMS["dmesg"](said).replace("\n", "\r\n"),
}
"""A log in each form."""
