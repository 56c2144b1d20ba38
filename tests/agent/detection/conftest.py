from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.limit_hits import LimitHitNode


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LimitHitNode]:
    host = LimitHitNode(tmp_path, monkeypatch)
    yield host
    host.monitor.worker.close()
    host.monitor._files.close()
