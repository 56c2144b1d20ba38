"""The chart renders least privilege, every option, and names that fit. Needs no cluster."""

from typing import Any

import pytest

from e2e.chart import CHART, of_kind, permissions, pod_of, rendered, rules, run, settings

TOGGLES = [
    (),
    ("namespacedFloor=kubelet",),
    ("namespacedFloor=0",),
    ("uninstall.putBack=false",),
    ("image.digest=sha256:" + "0" * 64,),
    ("retention.days=0", "retention.perPod=0", "retention.perCluster=1000000"),
    ("image.pullSecrets={a,b}", "image.pullPolicy=Always"),
    ("agent.priorityClassName=", "agent.tolerations=null", "agent.maxUnavailable=1"),
    ("agent.cgroupWrites=true",),
    ("agent.ownPodsOnly=true",),
    ("agent.rank.enabled=false",),
    ("agent.rank.port=9999",),
    ("agent.nodeSelector.pool=big", "agent.podAnnotations.a=b", "agent.podLabels.c=d"),
    ("operator.tolerations[0].operator=Exists", "operator.priorityClassName=high"),
    ("operator.replicas=3",),
    ("networkPolicy.enabled=true",),
    (
        "networkPolicy.enabled=true",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.monitors=all",
        "agent.seLinuxOptions.type=spc_t",
        "operator.seLinuxOptions.level=s0",
    ),
    ("monitoring.scrapeAnnotations=true", "monitoring.dashboard.enabled=true"),
    ("monitoring.podMonitor.enabled=true", "monitoring.prometheusRule.enabled=true"),
    ("monitoring.serviceMonitor.enabled=true", "networkPolicy.enabled=true"),
    ("fullnameOverride=x", "agent.port=9999", "agent.logLevel=debug", "operator.port=9998"),
    ("agent.logFormat=text", "operator.logFormat=text"),
]


def is_hook(document: dict[str, Any]) -> bool:
    return "helm.sh/hook" in document["metadata"].get("annotations", {})


@pytest.mark.parametrize("values", TOGGLES, ids=" ".join)
def test_every_toggle_renders_and_lints(values: tuple[str, ...]) -> None:
    done = run("lint", "--strict", str(CHART), *settings(*values))
    assert done.returncode == 0, done.stdout
    assert of_kind("DaemonSet", *values)


OURS = "oomwarden.io"
READ = ("get", "list", "watch")


def test_the_agents_permissions_are_exactly_these() -> None:
    assert permissions("oomwarden-agent") == (
        rules("", "pods", *READ)
        | rules("", "namespaces", *READ)
        | rules("", "nodes", "get")
        | rules(OURS, "oompolicies", *READ)
        | rules(OURS, "clusteroompolicies", *READ)
        | rules(OURS, "oomkills", "create", "get", "list")
        | rules(OURS, "oomlimits", *READ)
        | rules(OURS, "oomnodes", "get", "create")
        | rules(OURS, "oomnodes/status", "patch")
        | rules("events.k8s.io", "events", "create", "patch")
        | rules("authentication.k8s.io", "tokenreviews", "create")
        | rules("authorization.k8s.io", "subjectaccessreviews", "create")
    )
    named = rules("", "configmaps/oomwarden-control/oomwarden-pressure", *READ)
    assert permissions("oomwarden-agent", "Role") == named


def test_the_operators_permissions_are_exactly_these() -> None:
    assert permissions("oomwarden-operator") == (
        rules(OURS, "oomnodes", *READ)
        | rules(OURS, "oompolicies", *READ)
        | rules(OURS, "clusteroompolicies", *READ)
        | rules(OURS, "oompolicies/status", "patch")
        | rules(OURS, "clusteroompolicies/status", "patch")
        | rules(OURS, "oomkills", *READ, "delete")
        | rules(OURS, "oomkills/status", "patch")
        | rules("", "pods", "get")
        | rules("", "namespaces", "get")
        | rules("", "nodes", "get")
        | rules("", "pods/resize", "patch")
        | rules(OURS, "oomlimits", "get", "list", "create", "update", "delete")
        | rules("events.k8s.io", "events", "create")
    )
    account = rules("", "serviceaccounts/oomwarden-operator", "get", "patch")
    pressure = rules("", "configmaps/oomwarden-pressure", "get", "patch")
    switch = rules("", "configmaps/oomwarden-control", "get") | rules("", "configmaps", "create")
    assert permissions("oomwarden-operator", "Role") == switch | account | pressure


def test_the_pre_delete_job_may_only_set_the_mode_and_list_oomnodes() -> None:
    assert permissions("oomwarden-release") == rules(OURS, "oomnodes", "list")
    switch = rules("", "configmaps/oomwarden-control", "patch", "delete")
    assert permissions("oomwarden-release", "Role") == switch | rules("", "configmaps", "create")


def environment(kind: str, *values: str) -> dict[str, str | None]:
    (container,) = pod_of(kind, *values)["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


def test_the_agent_has_three_capabilities_and_two_host_paths() -> None:
    pod = pod_of("DaemonSet")
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {
        "drop": ["ALL"],
        "add": ["SYS_RESOURCE", "DAC_OVERRIDE", "SYSLOG"],
    }
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert "privileged" not in context
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert [key for key in pod if key.startswith("host")] == ["hostPID"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"]}
    assert paths == {"cgroup": "/sys/fs/cgroup", "state": "/var/lib/oomwarden"}
    mounts = {mount["name"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
    assert mounts == {"cgroup": True, "state": False}


def test_the_agent_mounts_cgroups_writable_only_with_cgroup_writes() -> None:
    for values, read_only in (((), True), (("agent.cgroupWrites=true",), False)):
        (container,) = pod_of("DaemonSet", *values)["containers"]
        mounts = {each["name"]: each.get("readOnly", False) for each in container["volumeMounts"]}
        assert mounts == {"cgroup": read_only, "state": False}
        value = environment("DaemonSet", *values)["OOMWARDEN_CGROUP_WRITES"]
        assert value == str(not read_only).lower()


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_pods_other_than_the_agent_are_unprivileged(kind: str) -> None:
    pod = pod_of(kind)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any(key.startswith("host") or key == "volumes" for key in pod)
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("kind", ["DaemonSet", "Deployment", "Job"])
def test_every_container_has_a_memory_request_and_limit(kind: str) -> None:
    for container in pod_of(kind)["containers"]:
        assert container["resources"]["requests"]["memory"]
        assert container["resources"]["limits"]["memory"]


def test_the_agent_runs_on_every_node_and_upgrades_a_few_at_a_time() -> None:
    pod = pod_of("DaemonSet")
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["priorityClassName"] == "system-node-critical"
    (agent,) = of_kind("DaemonSet")
    assert agent["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": "5%"}


def test_the_node_admission_policy_names_the_agents_account() -> None:
    (policy,) = (
        each
        for each in of_kind("ValidatingAdmissionPolicy", "fullnameOverride=warden")
        if each["metadata"]["name"] == "warden-node-bound"
    )
    account = pod_of("DaemonSet")["serviceAccountName"].replace("oomwarden", "warden")
    (by_agent,) = (v for v in policy["spec"]["variables"] if v["name"] == "byAgent")
    assert f"'system:serviceaccount:system:{account}'" in by_agent["expression"]
    assert policy["spec"]["failurePolicy"] == "Fail"


def test_the_operators_admission_policies_name_its_account() -> None:
    policies = of_kind("ValidatingAdmissionPolicy", "fullnameOverride=warden")
    account = pod_of("Deployment")["serviceAccountName"].replace("oomwarden", "warden")
    bound = [each for each in policies if "operator-bound" in each["metadata"]["name"]]
    assert len(bound) == 2
    for policy in bound:
        (condition,) = policy["spec"]["matchConditions"]
        expression = f"request.userInfo.username == 'system:serviceaccount:system:{account}'"
        assert condition["expression"] == expression


def test_every_admission_policy_is_bound_and_denies() -> None:
    policies = {each["metadata"]["name"] for each in of_kind("ValidatingAdmissionPolicy")}
    bindings = of_kind("ValidatingAdmissionPolicyBinding")
    assert {each["spec"]["policyName"] for each in bindings} == policies
    assert all(each["spec"]["validationActions"] == ["Deny"] for each in bindings)


def test_a_floor_of_kubelet_is_checked_by_agents_only() -> None:
    policies = of_kind("ValidatingAdmissionPolicy", "namespacedFloor=kubelet")
    names = {each["metadata"]["name"].removeprefix("oomwarden-") for each in policies}
    assert names == {"node-bound", "operator-bound", "operator-bound-switch"}
    variables = environment("DaemonSet", "namespacedFloor=kubelet")
    assert variables["OOMWARDEN_NAMESPACED_FLOOR"] == "kubelet"


def test_agents_get_their_report_and_scan_intervals_from_the_values() -> None:
    variables = environment("DaemonSet", "agent.intervals.reportSeconds=30")
    names = ("OOMWARDEN_REPORT_SECONDS", "OOMWARDEN_LOOK_SECONDS")
    assert [variables[name] for name in names] == ["30", "60"]


def test_events_before_a_kill_are_off_unless_the_values_ask_for_them() -> None:
    names = ("OOMWARDEN_NEAR_MISS_BUDGET", "OOMWARDEN_LEAK_EVENT_WITHIN")
    values = ("agent.nearMisses.eventBudget=100000", "agent.leaks.eventWithin=6h")
    for given, expected in (((), ["0", ""]), (values, ["100000", "6h"])):
        variables = environment("DaemonSet", *given)
        assert [variables[name] for name in names] == expected


def test_the_operator_gets_its_retention_bounds_from_the_values() -> None:
    variables = environment("Deployment", "retention.perCluster=1000000", "retention.days=0")
    names = ("DAYS", "PER_POD", "PER_NAMESPACE", "PER_CLUSTER")
    bounds = [variables[f"OOMWARDEN_RETENTION_{what}"] for what in names]
    assert bounds == ["0", "50", "1000", "1000000"]


def test_the_pressure_config_map_is_rendered_without_data_so_that_nothing_drifts() -> None:
    (pressure,) = of_kind("ConfigMap")
    assert pressure["metadata"]["name"] == "oomwarden-pressure"
    assert not pressure.keys() & {"data", "binaryData", "immutable"}


def test_without_put_back_no_hook_is_rendered() -> None:
    hooks = [each["kind"] for each in rendered() if is_hook(each)]
    assert sorted(hooks) == [
        "ClusterRole", "ClusterRoleBinding", "Job", "Role", "RoleBinding", "ServiceAccount",
    ]  # fmt: skip
    assert not any(is_hook(each) for each in rendered("uninstall.putBack=false"))


def test_the_crds_upgrade_with_the_chart_and_outlive_it() -> None:
    crds = of_kind("CustomResourceDefinition")
    assert len(crds) == 5
    for crd in crds:
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_object_names_fit_for_the_longest_release_name() -> None:
    release = "a-release-whose-name-is-as-long-as-helm-takes-it-53ch"
    enabled = ("podMonitor", "prometheusRule", "dashboard")
    documents = rendered(*(f"monitoring.{each}.enabled=true" for each in enabled), release=release)
    names = [each["metadata"]["name"] for each in documents]
    assert [name for name in names if len(name) > 63] == []
    assert len(names) == len({(each["kind"], each["metadata"]["name"]) for each in documents})
