from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.cli.output.objects import Output, plain_object, serialized
from oomwarden.cli.views.kill_story import lay_out
from oomwarden.core.explanation.explain import explain
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.history.kill_record import read_record

from tests.support.any_json import broken
from tests.support.facts import looked_up
from tests.support.kill_objects import oomkill
from tests.support.workload_objects import owner, pod

MEMORY = {
    "at": "2026-11-01T09:59:59Z",
    "usage": "511Mi",
    "pattern": {"name": "Spike", "evidence": "e"},
    "detail": {"at": "2026-11-01T09:59:57Z", "usage": "505Mi", "anon": "480Mi", "file": "20Mi"},
    "samples": [{"at": "2026-11-01T09:58:57Z", "usage": "505Mi"}],
    "history": [{"at": "2026-11-01T07:58:57Z", "usage": "5Mi"}],
}
WHOLE: dict[str, Any] = oomkill(
    memory=MEMORY,
    podMemory={"shmem": "400Mi"},
    policy={"kind": "OOMPolicy", "name": "p"},
    status={"response": {"message": "m"}},
)
RULE = {"containers": ["a*"], "oomScoreAdj": -500, "processes": [{"command": "x"}], "memory": {}}
POLICY = {"spec": {"mode": "Observe", "rules": [RULE]}}


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    broken(WHOLE),
    broken(pod()),
    broken(owner("Deployment", "api")),
    broken(POLICY),
    st.booleans(),
)
def test_no_object_makes_a_story_raise(
    kill: dict[str, Any],
    killed: dict[str, Any],
    deployment: dict[str, Any],
    policy: dict[str, Any],
    is_gone: bool,  # noqa: FBT001 - drawn
) -> None:
    known = KnownFacts(
        read_record(kill),
        pod=None if is_gone else killed,
        owners=[replace(looked_up(owner("Deployment", "api")), manifest=deployment)],
        policy=policy,
        others=[read_record(WHOLE)],
    )
    story = explain(known)
    page = lay_out(story, datetime(2026, 11, 2, tzinfo=UTC), 80)
    assert page.text.replace("\n", "").isprintable()
    assert serialized(plain_object(story), Output.YAML)
