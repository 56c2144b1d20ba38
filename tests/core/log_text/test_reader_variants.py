from pathlib import Path
from typing import Any

import pytest
import yaml
from oomwarden.core.log_text.json_form import facts
from oomwarden.core.log_text.reader import read_kills

VARIANTS = yaml.safe_load((Path(__file__).parent / "variants.yaml").read_text())


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each["name"])
def test_a_form_that_people_post_is_read(variant: dict[str, Any]) -> None:
    found = [facts(each) for each in read_kills(variant["text"].encode())]
    wanted = variant["expected"]
    assert [each["pid"] for each in found] == [each["pid"] for each in wanted]
    told = [{key: kill[key] for key in want} for kill, want in zip(found, wanted, strict=True)]
    assert told == wanted
