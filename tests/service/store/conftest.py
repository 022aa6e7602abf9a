from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasearch.service.store.database import Database
from kerasearch.service.testing import new_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()
