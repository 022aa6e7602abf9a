import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import psutil
import pytest
from fastapi import FastAPI

from kerasearch.service import mlflow_server
from kerasearch.service.app import create_app
from kerasearch.service.ports import free_port
from kerasearch.service.routes.context import Context
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database
from kerasearch.service.testing import new_database, serve_in_thread

Serving = Callable[[FastAPI], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def mlflow_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="session")
def mlflow_process(mlflow_data_dir: Path) -> Iterator[psutil.Process]:
    """A real MLflow server on a free port; its address is `mlflow_url`."""
    port = free_port()
    started = subprocess.Popen(
        mlflow_server.command(port),
        env=mlflow_server.environment(mlflow_data_dir, ["search.example:8000"]),
    )
    url = f"http://127.0.0.1:{port}/mlflow/health"
    deadline = time.monotonic() + 120
    while True:
        try:
            httpx.get(url, timeout=5).raise_for_status()
            break
        except httpx.TransportError:
            assert started.poll() is None, "MLflow died while starting"
            assert time.monotonic() < deadline, "MLflow isn't up"
            time.sleep(0.1)
    process = psutil.Process(started.pid)
    yield process
    started.terminate()
    started.wait(timeout=15)


@pytest.fixture(scope="session")
def mlflow_url(mlflow_process: psutil.Process) -> str:
    """MLflow's address without its prefix."""
    (listening,) = (c for c in mlflow_process.net_connections() if c.status == "LISTEN")
    return f"http://127.0.0.1:{listening.laddr.port}"


@pytest.fixture(scope="session")
def serving() -> Serving:
    """Serves an application by uvicorn in a thread, for the length of a `with` block."""
    return serve_in_thread


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    """The service's application and its address; `http` puts a test's own data behind it."""
    folder = tmp_path_factory.mktemp("api")
    app = create_app(Settings(data_dir=folder), Database(f"sqlite:///{folder / 'nothing.db'}"))
    with serve_in_thread(app) as url:
        yield app, url


@pytest.fixture(scope="session")
def new_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the service's tables and nothing in them, to be copied."""
    folder = tmp_path_factory.mktemp("tables")
    new_database(folder).close()
    return folder / "kerasearch.db"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a service whose data folder is the test's own."""
    return Settings(data_dir=tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Its SQLite database, with nothing in it."""
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def context(new_tables: Path, tmp_path: Path) -> Iterator[Context]:
    """Settings and database of a service that has just been set up."""
    settings = Settings(data_dir=tmp_path, mlflow_port=free_port())
    shutil.copy(new_tables, tmp_path)
    database = Database(settings.database_url)
    yield Context(settings, database)
    database.close()


@pytest.fixture
def http(api: tuple[FastAPI, str], context: Context) -> Iterator[httpx.Client]:
    """A client of an API that has nothing stored yet."""
    app, url = api
    app.state.context = context
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client
