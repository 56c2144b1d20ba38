"""The QoS class of a pod, worked out as the API server does when it creates the pod.

Source: kubernetes pkg/apis/core/v1/helper/qos/qos.go, pkg/apis/core/v1/defaults.go
(SetDefaults_Pod, defaultPodRequests) and component-helpers/resource/helpers.go (v1.37).
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from oomwarden.api.policy import QOSClass
from oomwarden.core.model.quantity import QuantityError, parse_amount

Manifest = Mapping[str, Any]

_COUNTED = ("cpu", "memory")
_HUGE_PAGES = "hugepages-"


def qos_of(manifest: Manifest) -> QOSClass:
    """Give the class that the API server tells; where it tells none (a file), work it out."""
    told = (manifest.get("status") or {}).get("qosClass")
    return QOSClass(told) if told in set(QOSClass) else computed_qos(manifest["spec"])


def computed_qos(spec: Manifest) -> QOSClass:
    """Work the class out of a Pod's spec: only cpu and memory count, and only above zero."""
    if _has_resources_of_its_own(spec):
        return _together(_requirements(_pods_own(spec)))
    classes = {_together(_requirements(_resources(each))) for each in _lasting_and_init(spec)}
    return _one_of(classes)


def _requirements(resources: Manifest) -> Iterable[QOSClass]:
    """Give what cpu and memory are, each for itself."""
    requests, limits = _amounts(resources.get("requests")), _amounts(resources.get("limits"))
    for name in _COUNTED:
        limit = limits.get(name, Fraction(0))
        request = requests.get(name, limit)  # defaults.go: a limit without a request is both
        if request != limit:
            yield QOSClass.BURSTABLE
        else:
            yield QOSClass.GUARANTEED if limit else QOSClass.BEST_EFFORT


def _together(classes: Iterable[QOSClass]) -> QOSClass:
    return _one_of(set(classes))


def _one_of(classes: set[QOSClass]) -> QOSClass:
    if len(classes) > 1:
        return QOSClass.BURSTABLE
    return next(iter(classes), QOSClass.BEST_EFFORT)


def _has_resources_of_its_own(spec: Manifest) -> bool:
    own = _resources(spec)
    names = [*(own.get("requests") or {}), *(own.get("limits") or {})]
    return any(name in _COUNTED or name.startswith(_HUGE_PAGES) for name in names)


def _pods_own(spec: Manifest) -> Manifest:
    """Give the pod's own resources; what it does not request, its containers do (KEP-2837)."""
    own = _resources(spec)
    if not own.get("limits"):
        return own
    asked = {name: _requested(spec, name) for name in _COUNTED}
    known = {name: amount for name, amount in asked.items() if amount is not None}
    return {**own, "requests": known | dict(own.get("requests") or {})}


def _requested(spec: Manifest, name: str) -> Fraction | None:
    """Add up what containers request of a resource; None: none of them names it."""
    sidecars, most, regular = Fraction(0), Fraction(0), Fraction(0)
    named = False
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


def _request(container: Manifest, name: str) -> Fraction | None:
    resources = _resources(container)
    limits = _amounts(resources.get("limits"))
    return (limits | _amounts(resources.get("requests"))).get(name)


def _lasting_and_init(spec: Manifest) -> list[Manifest]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _resources(part: Manifest) -> Manifest:
    found: Manifest = part.get("resources") or {}
    return found


def _amounts(resources: Manifest | None) -> dict[str, Fraction]:
    """Read amounts; text that the API server would not take counts as none."""
    found = {}
    for name in _COUNTED:
        if name in (resources or {}):
            found[name] = _amount((resources or {})[name])
    return found


def _amount(value: object) -> Fraction:
    if isinstance(value, Fraction):
        return value
    try:
        return parse_amount(str(value).strip())
    except QuantityError:
        return Fraction(0)
