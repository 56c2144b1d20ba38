"""`kubectl oom leak`: samples of memory to a verdict, with its evidence and what to do."""

import sys
from textwrap import fill
from typing import Annotated

import typer

from oomwarden.cli.cluster.options import Context, Kubeconfig, Namespace, OutputForm
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.offline.usage_sources import (
    SampledUsage,
    Schedule,
    from_file,
    from_process,
    schedule,
)
from oomwarden.cli.output.chart import chart, encodes_blocks
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.output.terminal import visible
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.model.quantity import QuantityError, exact_quantity, parse_bytes, rounded_bytes
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict
from oomwarden.core.usage_pattern.words import span

app = sub_command()
_WIDTH = 79
_DAY = 24 * 3600
_LONG = "4h"
_WORTH_A_CHART, _CHART_HEIGHT = 5, 6

_LEAK = (
    "A probable leak: memory that grows for hours and does not level off. Usage includes page "
    "cache, which may grow up to the limit without harm."
)
_LEAK_REMEDY = (
    "See whether anonymous memory grows ('anon' in the cgroup's memory.stat), and take a heap "
    "profile now and in an hour. A higher limit only puts the kill off."
)
_MEANING = {
    Pattern.LEAK: (_LEAK, _LEAK_REMEDY),
    Pattern.SAWTOOTH: (
        "Normal: a garbage collector, a cache or jobs. The limit has to be above the peaks.",
        "Nothing, unless the peaks come near the limit: then raise it, or bound the heap or cache.",
    ),
    Pattern.STEADY: ("Normal.", "Nothing."),
    Pattern.STARTUP: (
        "Normal: the program loads or fills its caches, and then keeps what it has.",
        "Nothing, if it stays below the limit. If it is killed while it starts, raise the limit.",
    ),
    Pattern.SPIKE: (
        "A burst: one request, query or job needed much memory at once. It is no leak.",
        "Find what ran in these minutes; bound its size or concurrency, or raise the limit.",
    ),
    Pattern.UNKNOWN: (
        "The samples do not show a pattern, which does not mean that there is no leak.",
        "Sample for longer: a leak shows over two hours or more.",
    ),
}
_PART_OF_A_DAY = "Less than a day of samples: a load that rises with the day looks the same."


@app.command()
def leak(
    file: Annotated[
        str | None,
        typer.Argument(help="CSV of time and bytes, or Prometheus' JSON; - is standard input."),
    ] = None,
    pid: Annotated[int | None, typer.Option(help="Watch a process of this machine.")] = None,
    pod: Annotated[
        str | None, typer.Option(help="Samples of this pod's kills; with --for live.")
    ] = None,
    container: Annotated[
        str | None, typer.Option("-c", "--container", help="The container of the pod.")
    ] = None,
    namespace: Namespace = None,
    limit: Annotated[str | None, typer.Option(help="The memory limit, such as 512Mi.")] = None,
    interval: Annotated[str, typer.Option(help="Between two live readings.")] = "15s",
    lasting: Annotated[
        str | None,
        typer.Option("--for", help="How long to watch: 30m, 4h (as --pid does)."),
    ] = None,
    output: OutputForm = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    r"""Say whether memory leaks: steady growth over hours, against what is normal.

    Normal are growth that levels off, up and down, and flat. Less than two hours do not show a
    leak. A line of the file is a time (seconds, milliseconds or RFC 3339) and an amount (bytes or
    210Mi); times may also be those of a loop around 'kubectl top'.

    \b
    Examples:
      kubectl oom leak usage.csv --limit 512Mi
      kubectl oom leak --pid 4242 --for 4h    # Ctrl-C: the verdict so far
      kubectl oom leak --pod api-7d9f -c app  # the minutes before its kills
      kubectl oom leak --pod api-7d9f --for 4h
      while sleep 60; do echo $(date +%s) $(kubectl top pod --no-headers api-7d9f)
      done >> usage.txt                       # then: kubectl oom leak usage.txt
    """
    if (file is not None) + (pid is not None) + (pod is not None) != 1:
        raise CliError("give a file, --pid or --pod", USAGE)
    given = _limit(limit)
    if pod is None and (container or namespace):
        raise CliError("-n and -c belong to --pod", USAGE)
    when = schedule(interval, lasting or _LONG)
    if file is not None:
        found = from_file(file)
    elif pid is not None:
        found = from_process(pid, when)
    else:
        found = _of_pod(
            (kubeconfig, context), (namespace, str(pod), container), when if lasting else None
        )
    known = given if given is not None else found.limit
    verdict = classify(found.samples.points, known)
    if output in {Output.JSON, Output.YAML}:
        sys.stdout.write(serialized(_as_object(found, verdict, known), output))
    else:
        sys.stdout.write(_text(found, verdict, known))


def _of_pod(
    login: tuple[str | None, str | None],
    of: tuple[str | None, str, str | None],
    when: Schedule | None,
) -> SampledUsage:
    from oomwarden.cli.cluster.client import Cluster  # noqa: PLC0415 - a file needs none of it
    from oomwarden.cli.offline import pod_usage  # noqa: PLC0415

    cluster = Cluster(*login)
    namespace, pod, container = of
    where = cluster.namespace(namespace)
    if when is None:
        return pod_usage.recorded(cluster, where, pod, container)
    return pod_usage.live(cluster, where, pod, container, when)


def _limit(text: str | None) -> int | None:
    try:
        size = None if text is None else parse_bytes(text)
    except QuantityError as error:
        raise CliError(f"--limit: {error}", USAGE) from error
    if size is not None and size <= 0:
        raise CliError("--limit has to be more than 0", USAGE)
    return size


def _text(found: SampledUsage, verdict: Verdict, limit: int | None) -> str:
    meaning, remedy = _MEANING[verdict.pattern]
    seconds = _seconds(found)
    if verdict.pattern == Pattern.LEAK and seconds < _DAY:
        meaning += f" {_PART_OF_A_DAY}"
    first = [("Verdict", str(verdict.pattern)), ("Evidence", verdict.evidence)]
    rows = [
        ("Limit", "not known" if limit is None else rounded_bytes(limit)),
        ("Samples", f"{len(found.samples.points)} in {span(seconds)}: {visible(found.source)}"),
        ("Skipped", _skipped(found)),
        ("Note", found.note),
        ("Meaning", meaning),
        ("What to do", remedy),
    ]
    shown = [_row(name, text) for name, text in first]
    shown += [f"{line}\n" for line in _chart(found, limit)]
    return "".join([*shown, *(_row(name, text) for name, text in rows if text)])


def _chart(found: SampledUsage, limit: int | None) -> list[str]:
    points = sorted((each.at, each.usage) for each in found.samples.points)
    if len(points) < _WORTH_A_CHART:
        return []
    last = points[-1][0]
    is_ascii = not encodes_blocks(getattr(sys.stdout, "encoding", None))
    relative = [(at - last, usage) for at, usage in points]
    return chart(relative, limit, _WIDTH, _CHART_HEIGHT, is_ascii=is_ascii, end="end")


def _row(name: str, text: str) -> str:
    indent = " " * 12
    return fill(text, _WIDTH, initial_indent=f"{name:<12}", subsequent_indent=indent) + "\n"


def _skipped(found: SampledUsage) -> str:
    first = found.samples.first_skipped
    if first is None:
        return ""
    lines = "1 line" if found.samples.skipped == 1 else f"{found.samples.skipped} lines"
    return f"{lines}; the first is line {first[0]}: {visible(first[1])}"


def _seconds(found: SampledUsage) -> float:
    times = [point.at for point in found.samples.points]
    return max(times) - min(times) if times else 0.0


def _as_object(found: SampledUsage, verdict: Verdict, limit: int | None) -> dict[str, object]:
    first = found.samples.first_skipped
    return {
        "pattern": str(verdict.pattern),
        "evidence": verdict.evidence,
        "growthBytesPerHour": None if verdict.growth is None else round(verdict.growth * 3600),
        "secondsToLimit": verdict.seconds_to_limit,
        "limit": None if limit is None else exact_quantity(limit),
        "samples": len(found.samples.points),
        "seconds": round(_seconds(found), 3),
        "source": found.source,
        "note": found.note or None,
        "skippedLines": found.samples.skipped,
        "firstSkipped": None if first is None else {"line": first[0], "reason": first[1]},
    }
