"""Paths of the API that the sub-commands use."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from oomwarden.api.vocabulary import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class ApiResource:
    """A resource of the API.

    Attributes:
        group: The API group; empty for the core group.
        plural: Its name in paths, such as pods.
        namespaced: Whether its objects are in namespaces.
    """

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def title(self) -> str:
        """The name as RBAC and errors write it, such as oomkills.oomwarden.io."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """Return the path of an object, or of a list in one namespace or in all (None)."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace is not None and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [self.plural, *([name] if name is not None else []), *([sub] if sub else [])]
        return "/" + "/".join(quote(part, safe="") for part in parts)

    def right(self, verb: str, namespace: str | None, name: str | None = None) -> str:
        """Describe a right for people: list oomkills.oomwarden.io in namespace shop."""
        what = f"{verb} {self.title}" + (f" {name}" if name else "")
        if not self.namespaced:
            return what
        return what + (f" in namespace {namespace}" if namespace else " in all namespaces")


def with_query(path: str, **query: str | int | None) -> str:
    """Return a path with the parameters that are not None."""
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


OOM_KILLS = ApiResource(GROUP, VERSION, "oomkills")
OOM_POLICIES = ApiResource(GROUP, VERSION, "oompolicies")
CLUSTER_OOM_POLICIES = ApiResource(GROUP, VERSION, "clusteroompolicies", namespaced=False)
OOM_NODES = ApiResource(GROUP, VERSION, "oomnodes", namespaced=False)
PODS = ApiResource("", "v1", "pods")
NODES = ApiResource("", "v1", "nodes", namespaced=False)
NAMESPACES = ApiResource("", "v1", "namespaces", namespaced=False)
CONFIG_MAPS = ApiResource("", "v1", "configmaps")
DAEMON_SETS = ApiResource("apps", "v1", "daemonsets")
DEPLOYMENTS = ApiResource("apps", "v1", "deployments")
ADMISSION_POLICIES = ApiResource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", namespaced=False
)
ADMISSION_BINDINGS = ApiResource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", namespaced=False
)
ACCESS_REVIEWS = ApiResource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", namespaced=False
)
EVENTS = ApiResource("events.k8s.io", "v1", "events")
POD_METRICS = ApiResource("metrics.k8s.io", "v1beta1", "pods")
LIMIT_RANGES = ApiResource("", "v1", "limitranges")
OOM_LIMITS = ApiResource(GROUP, VERSION, "oomlimits", namespaced=False)
SERVICE_ACCOUNTS = ApiResource("", "v1", "serviceaccounts")
