"""Optional parts of the chart: network policies and SELinux. Needs no cluster."""

from e2e.chart import of_kind, pod_of, rendered


def test_network_policies_admit_named_peers_to_agents_and_none_to_the_operator() -> None:
    assert of_kind("NetworkPolicy") == []
    monitors = "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.monitors=all"
    on = "networkPolicy.enabled=true"
    for values, agents in (((on,), []), ((on, monitors), [{"matchLabels": {"monitors": "all"}}])):
        found = {
            each["metadata"]["name"]: each["spec"] for each in of_kind("NetworkPolicy", *values)
        }
        agent, operator = found["oomwarden-agent"], found["oomwarden-operator"]
        assert agent["policyTypes"] == operator["policyTypes"] == ["Ingress"]
        assert operator["ingress"] == []
        peers = [peer["namespaceSelector"] for rule in agent["ingress"] for peer in rule["from"]]
        assert peers == agents
        for name, kind in (("agent", "DaemonSet"), ("operator", "Deployment")):
            (workload,) = of_kind(kind, *values)
            chosen = found[f"oomwarden-{name}"]["podSelector"]["matchLabels"].items()
            assert chosen <= workload["spec"]["template"]["metadata"]["labels"].items()


def test_selinux_options_are_set_only_on_request() -> None:
    assert "seLinuxOptions" not in str(rendered())
    for name, kind in (("agent", "DaemonSet"), ("operator", "Deployment")):
        (container,) = pod_of(kind, f"{name}.seLinuxOptions.type=spc_t")["containers"]
        assert container["securityContext"]["seLinuxOptions"] == {"type": "spc_t"}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
