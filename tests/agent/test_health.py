import json
from urllib.request import urlopen

from oomwarden.agent.health import Figures, Loop, healthz, serve


def figures() -> Figures:
    return Figures(3, 1, 0, 2, 5, 0, 0, 0, 0, {"enforce": None})


def test_a_late_loop_of_the_kernel_side_is_unhealthy_and_named() -> None:
    status, body = healthz([Loop("detect", lambda: 31.0, 30.0), Loop("watch", lambda: 900.0)])
    assert (status, json.loads(body)["late"]) == (503, ["detect"])


def test_an_api_outage_alone_restarts_nobody() -> None:
    status, _ = healthz([Loop("detect", lambda: 1.0, 30.0), Loop("watch", lambda: 900.0)])
    assert status == 200


def test_metrics_tell_loop_ages_kills_and_the_outbox() -> None:
    server = serve(0, [Loop("detect", lambda: 1.5)], figures)
    port = server.server_address[1]
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    server.shutdown()
    server.server_close()
    assert 'oomwarden_loop_age_seconds{loop="detect"} 1.5' in text
    assert "oomwarden_oom_kills_total 3.0" in text
    assert "oomwarden_outbox_records 2.0" in text
    assert 'oomwarden_worker_stuck_seconds{worker="enforce"} 0.0' in text
