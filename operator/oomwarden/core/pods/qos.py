"""The QoS class of a pod, computed as the API server does when it creates the pod.

Source: kubernetes pkg/apis/core/v1/helper/qos/qos.go, pkg/apis/core/v1/defaults.go
(SetDefaults_Pod, defaultPodRequests) and component-helpers/resource/helpers.go (v1.37).
"""

from collections.abc import Iterable

from oomwarden.api.policy import QOSClass
from oomwarden.core.model.quantity import QuantityError, parse_nanos
from oomwarden.core.objects.json_parts import Json

_COUNTED = ("cpu", "memory")
_HUGE_PAGES = "hugepages-"


def qos_of(manifest: Json) -> QOSClass:
    """Return the class in the status; compute it if the status has none (a static pod file)."""
    qos = (manifest.get("status") or {}).get("qosClass")
    return QOSClass(qos) if qos in set(QOSClass) else computed_qos(manifest["spec"])


def computed_qos(spec: Json) -> QOSClass:
    """Compute the class from a Pod's spec: only cpu and memory count, and only above zero."""
    if _has_resources_of_its_own(spec):
        return _class_of(_requirements(_pods_own(spec)))
    classes = {_class_of(_requirements(_resources(each))) for each in _lasting_and_init(spec)}
    return _one_of(classes)


def _requirements(resources: Json) -> Iterable[QOSClass]:
    """Yield the classes of cpu and of memory."""
    requests, limits = _amounts(resources.get("requests")), _amounts(resources.get("limits"))
    for name in _COUNTED:
        limit = limits.get(name, 0)
        request = requests.get(name, limit)  # defaults.go: a limit without a request is both
        if request != limit:
            yield QOSClass.BURSTABLE
        else:
            yield QOSClass.GUARANTEED if limit else QOSClass.BEST_EFFORT


def _class_of(classes: Iterable[QOSClass]) -> QOSClass:
    return _one_of(set(classes))


def _one_of(classes: set[QOSClass]) -> QOSClass:
    if len(classes) > 1:
        return QOSClass.BURSTABLE
    return next(iter(classes), QOSClass.BEST_EFFORT)


def _has_resources_of_its_own(spec: Json) -> bool:
    own = _resources(spec)
    names = [*(own.get("requests") or {}), *(own.get("limits") or {})]
    return any(name in _COUNTED or name.startswith(_HUGE_PAGES) for name in names)


def _pods_own(spec: Json) -> Json:
    """Return the pod's own resources, completed by its containers' requests (KEP-2837)."""
    own = _resources(spec)
    if not own.get("limits"):
        return own
    requested = {name: _requested(spec, name) for name in _COUNTED}
    known = {name: f"{amount}n" for name, amount in requested.items() if amount is not None}
    return {**own, "requests": known | dict(own.get("requests") or {})}


def _requested(spec: Json, name: str) -> int | None:
    """Sum up what containers request of a resource; None if none of them names it."""
    sidecars, most, regular, named = 0, 0, 0, False
    for each in spec.get("initContainers") or ():
        request = _request(each, name)
        named |= request is not None
        if each.get("restartPolicy") == "Always":
            sidecars += request or 0
        else:
            most = max(most, sidecars + (request or 0))
    for each in spec.get("containers") or ():
        request = _request(each, name)
        named |= request is not None
        regular += request or 0
    return max(most, sidecars + regular) if named else None


def _request(container: Json, name: str) -> int | None:
    resources = _resources(container)
    limits = _amounts(resources.get("limits"))
    return (limits | _amounts(resources.get("requests"))).get(name)


def _lasting_and_init(spec: Json) -> list[Json]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _resources(part: Json) -> Json:
    found: Json = part.get("resources") or {}
    return found


def _amounts(resources: Json | None) -> dict[str, int]:
    """Parse amounts into billionths; text that the API server would reject counts as none."""
    found = {}
    for name in _COUNTED:
        if name in (resources or {}):
            found[name] = _amount((resources or {})[name])
    return found


def _amount(value: object) -> int:
    try:
        return parse_nanos(str(value).strip())
    except QuantityError:
        return 0
