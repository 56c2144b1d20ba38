"""Two candidates never both believe that they lead, and one leads soon after the other ends."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.election import Election, Network

SEEDS = st.integers(0, 2**32)
RATES = st.floats(0.85, 1.2)
"""How fast a clock runs: the ratio of two is below 15 s / 10 s, lease duration to deadline."""
OFFSETS = st.floats(-1e6, 1e6)
TAKEOVER_SECONDS = 20


NETWORKS = st.builds(Network, st.floats(0, 30), st.floats(0, 0.6), st.just(40.0), st.floats(0, 0.3))


@given(SEEDS, RATES, RATES, OFFSETS, NETWORKS)
@settings(max_examples=300, deadline=None)
def test_two_never_lead_whatever_the_network_does(
    seed: int, one: float, two: float, skew: float, network: Network
) -> None:
    """Requests arrive up to 30 s late or never, processes stand still, clocks differ."""
    leaders: set[str] = set()

    def watch() -> None:
        leading = election.leaders()
        leaders.update(leading)
        assert len(leading) <= 1, f"{leading} at {election.now}"

    election = Election(Random(seed), network, watch)
    election.start("a", one)
    election.start("b", two, skew)
    election.run_until(400)
    if network.slowest < 2 and network.lost == network.pauses == 0:
        assert leaders, "and with a good network one does"


@given(SEEDS, st.floats(0.97, 1.03), st.floats(0.97, 1.03), OFFSETS)
@settings(max_examples=150, deadline=None)
def test_another_leads_within_20_seconds_of_a_crash(
    seed: int, one: float, two: float, skew: float
) -> None:
    election = Election(Random(seed), Network(slowest=0.3), lambda: None)
    a, b = election.start("a", one), election.start("b", two, skew)
    election.run_until(60 + seed % 100 / 10)
    leader, standby = (a, b) if a.leads(election.now) else (b, a)
    assert leader.leads(election.now)
    leader.alive = False
    crashed = election.now
    election.run_until(crashed + 100, lambda: standby.leads(election.now))
    assert 0 < election.now - crashed < TAKEOVER_SECONDS


@given(SEEDS, OFFSETS)
@settings(deadline=None)
def test_another_leads_within_4_seconds_of_a_graceful_end(seed: int, skew: float) -> None:
    election = Election(Random(seed), Network(slowest=0.3), lambda: None)
    a, b = election.start("a"), election.start("b", offset=skew)
    election.run_until(30 + seed % 100 / 10)
    leader, standby = (a, b) if a.leads(election.now) else (b, a)
    election.release(leader)
    ended = election.now
    election.run_until(ended + 100, lambda: standby.leads(election.now))
    assert election.now - ended < 4


def test_the_lease_costs_one_request_of_each_operator_every_two_seconds() -> None:
    requests = []
    election = Election(Random(1), Network(slowest=0.01), lambda: None)
    answer = election.server.answer
    election.server.answer = lambda step: requests.append(step) or answer(step)  # type: ignore[method-assign, func-returns-value]
    election.start("a")
    election.start("b")
    election.run_until(600)
    assert 520 < len(requests) < 610
