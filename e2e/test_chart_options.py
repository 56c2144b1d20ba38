"""Optional parts of the chart: network policies, SELinux, ranking, replicas. Needs no cluster."""

from e2e.chart import of_kind, permissions, pod_of, rendered, rules


def test_network_policies_admit_named_peers_to_the_metrics_and_nobody_else() -> None:
    assert of_kind("NetworkPolicy") == []
    monitors = "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.monitors=all"
    on = "networkPolicy.enabled=true"
    for values, admitted in (((on,), []), ((on, monitors), [{"matchLabels": {"monitors": "all"}}])):
        found = {
            each["metadata"]["name"]: each["spec"] for each in of_kind("NetworkPolicy", *values)
        }
        for name, kind in (("agent", "DaemonSet"), ("operator", "Deployment")):
            policy = found[f"oomwarden-{name}"]
            assert policy["policyTypes"] == ["Ingress"]
            rules = policy["ingress"]
            assert [
                peer["namespaceSelector"] for rule in rules for peer in rule["from"]
            ] == admitted
            ports = {port["port"] for rule in rules for port in rule["ports"]}
            (workload,) = of_kind(kind, *values)
            template = workload["spec"]["template"]
            named = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            assert ports <= named == {"metrics"}
            chosen = policy["podSelector"]["matchLabels"].items()
            assert chosen <= template["metadata"]["labels"].items()


def test_selinux_options_are_set_only_on_request() -> None:
    assert "seLinuxOptions" not in str(rendered())
    for name, kind in (("agent", "DaemonSet"), ("operator", "Deployment")):
        (container,) = pod_of(kind, f"{name}.seLinuxOptions.type=spc_t")["containers"]
        assert container["securityContext"]["seLinuxOptions"] == {"type": "spc_t"}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def ranking_ports(*values: str) -> list[str]:
    (container,) = pod_of("DaemonSet", *values)["containers"]
    return [each["value"] for each in container["env"] if each["name"] == "OOMWARDEN_RANK_PORT"]


def test_the_ranking_s_account_may_do_nothing_else_and_nobody_has_the_clients_roles() -> None:
    assert permissions("oomwarden-rank") == rules("oomwarden.io", "oomnodes/rank", "get")
    assert permissions("oomwarden-rank-client") == rules("oomwarden.io", "oomnodes", "get")
    assert permissions("oomwarden-rank-client", "Role") == (
        rules("", "pods", "get")
        | rules("", "pods/portforward", "get", "create")
        | rules("", "serviceaccounts/token/oomwarden-rank", "create")
    )
    bindings = [*of_kind("ClusterRoleBinding"), *of_kind("RoleBinding")]
    bound = {each["roleRef"]["name"]: each["subjects"] for each in bindings}
    assert "oomwarden-rank-client" not in bound
    assert [each["name"] for each in bound["oomwarden-rank"]] == ["oomwarden-rank"]


def test_without_the_ranking_there_is_no_port_account_or_right_for_it() -> None:
    off = ("agent.rank.enabled=false",)
    assert ranking_ports() == ["9809"]
    assert ranking_ports(*off) == []
    names = {each["metadata"]["name"] for each in rendered(*off)}
    assert not {name for name in names if "rank" in name}
    roles = of_kind("ClusterRole", *off)
    (agent,) = (each for each in roles if each["metadata"]["name"] == "oomwarden-agent")
    groups = {group for rule in agent["rules"] for group in rule["apiGroups"]}
    assert not groups & {"authentication.k8s.io", "authorization.k8s.io"}


SEVERAL = ("operator.replicas=2",)


def test_one_operator_has_no_election_and_ends_before_its_successor_starts() -> None:
    (deployment,) = of_kind("Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    found = str(rendered())
    assert not [each for each in ("LEASE", "leases", "topologySpread") if each in found]
    assert of_kind("PodDisruptionBudget") == []


def test_several_operators_elect_one_and_are_stopped_one_after_the_other() -> None:
    (deployment,) = of_kind("Deployment", *SEVERAL)
    spec = deployment["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    pod, labels = spec["template"]["spec"], spec["template"]["metadata"]["labels"].items()
    (container,) = pod["containers"]
    assert {"name": "OOMWARDEN_LEASE", "value": "oomwarden-operator"} in container["env"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    spread = pod["topologySpreadConstraints"]
    assert {each["whenUnsatisfiable"] for each in spread} == {"ScheduleAnyway"}
    (budget,) = of_kind("PodDisruptionBudget", *SEVERAL)
    assert budget["spec"]["maxUnavailable"] == 1
    selectors = [each["labelSelector"] for each in spread] + [budget["spec"]["selector"]]
    assert all(each["matchLabels"].items() <= labels for each in selectors)


def test_several_operators_may_also_use_their_own_lease_and_no_other() -> None:
    added = permissions("oomwarden-operator", "Role", SEVERAL) - permissions(
        "oomwarden-operator", "Role"
    )
    group = "coordination.k8s.io"
    named = rules(group, "leases/oomwarden-operator", "get", "update")
    assert added == named | rules(group, "leases", "create")
    assert permissions("oomwarden-operator") == permissions("oomwarden-operator", values=SEVERAL)
    (bound,) = (
        each
        for each in of_kind("ValidatingAdmissionPolicy", *SEVERAL)
        if each["metadata"]["name"] == "oomwarden-operator-bound-switch"
    )
    rule = {
        tuple(r["resources"]): r["operations"]
        for r in bound["spec"]["matchConstraints"]["resourceRules"]
    }
    assert rule["leases",] == ["CREATE", "UPDATE"]
