from pathlib import Path

import pytest
from pydantic import ValidationError

from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database


@pytest.mark.parametrize("name", ["a b", "a?b", "a#b", "a%41b", "ä"])
def test_a_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    settings = Settings(data_dir=tmp_path / name)
    settings.data_dir.mkdir()
    database = Database(settings.database_url)
    database.migrate()
    database.close()
    assert (settings.data_dir / "kerasearch.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_by_our_driver(scheme: str) -> None:
    settings = Settings(database_url=f"{scheme}://ann:secret@host/search?sslmode=require")
    assert settings.database_url == "postgresql+psycopg://ann:secret@host/search?sslmode=require"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("url", ["mysql://host/a", "sqlite:///else.db", "host", "postgres://"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be postgresql://user:password@host/database"):
        Settings(database_url=url)


def test_children_read_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (
        Settings(data_dir=tmp_path, workers=3),
        Settings(data_dir=tmp_path, database_url="postgresql://host/search"),
    ):
        for name, value in given.to_environment().items():
            monkeypatch.setenv(name, value)
        assert Settings() == given
