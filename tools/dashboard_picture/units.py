"""Values as Grafana writes them, for the units that the dashboard has."""

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_DECIMAL = ("", " K", " Mil", " Bil")
_DURATIONS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_FEW_DIGITS = 100
_THOUSAND, _BINARY_THOUSAND = 1000, 1024


def written(value: float, unit: str, now: float) -> str:
    """Return a value with its unit; `now` is the time to which times are relative."""
    match unit:
        case "bytes":
            return _scaled(value, _BINARY_THOUSAND, _BINARY, " ")
        case "percentunit":
            return f"{_digits(value * 100)}%"
        case "s" | "dtdurations":
            return _duration(value)
        case "cps":
            return f"{_scaled(value, _THOUSAND, _DECIMAL)} c/s"
        case "dateTimeFromNow":
            return _ago(now - value / 1000)
        case "short":
            return _scaled(value, _THOUSAND, _DECIMAL)
    raise ValueError(f"the picture cannot write the unit {unit}")


def _scaled(value: float, base: int, names: tuple[str, ...], space: str = "") -> str:
    place = 0
    while abs(value) >= base and place < len(names) - 1:
        value, place = value / base, place + 1
    return f"{_digits(value)}{space}{names[place]}"


def _digits(value: float) -> str:
    digits = 0 if abs(value) >= _FEW_DIGITS else 1 if abs(value) >= _FEW_DIGITS / 10 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ago(length: float) -> str:
    """Return a time as people say it, rounded to its largest unit."""
    for name, size, least in (("day", 86400, 79200), ("hour", 3600, 2700), ("minute", 60, 45)):
        if length >= least:
            count = max(round(length / size), 1)
            return (
                f"{count} {name}s ago"
                if count > 1
                else f"{'an' if name == 'hour' else 'a'} {name} ago"
            )
    return "a few seconds ago"


def _duration(length: float) -> str:
    for place, (name, size) in enumerate(_DURATIONS):
        if length >= size > 1:
            rest_name, rest_size = _DURATIONS[place + 1]
            whole, rest = divmod(length, size)
            small = int(rest // rest_size)
            return f"{int(whole)}{name}{f' {small}{rest_name}' if small else ''}"
    return "0s" if length == 0 else f"{length * 1000:.0f}ms" if length < 1 else f"{length:.1f}s"
