"""Names requests by verb and resource, as the API server's metrics do."""

from urllib.parse import parse_qs, urlsplit

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_IN_NAMESPACE = 2


def request_name(method: str, target: str) -> str:
    """Return verb and resource: `watch pods`, `get nodes`, `update oomnodes/status`.

    A list that a watch continues is a `stream`.
    """
    url = urlsplit(target)
    parts = url.path.strip("/").split("/")
    parts = parts[3:] if parts[0] == "apis" else parts[2:]
    if parts[:1] == ["namespaces"] and len(parts) > _IN_NAMESPACE:
        parts = parts[_IN_NAMESPACE:]
    if not parts:
        return f"{method.lower()} {url.path}"
    resource = "/".join([parts[0], *parts[2:]])
    if method != "GET":
        return f"{_VERBS.get(method, method.lower())} {resource}"
    if len(parts) > 1:
        return f"get {resource}"
    query = parse_qs(url.query)
    verb = "stream" if "sendInitialEvents" in query else "watch" if "watch" in query else "list"
    return f"{verb} {resource}"
