"""The HTTP application: validates, stores, reads. Trains nothing and imports nothing that does."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from kerasearch.service import problem_documents
from kerasearch.service.body_limit import BodyLimit
from kerasearch.service.routes import analysis, datasets, health, jobs, models, retrainings, trials
from kerasearch.service.routes.context import Context
from kerasearch.service.routes.mlflow import proxy_router
from kerasearch.service.same_site import SameSite
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database

JSON_LIMIT_MIB = 1


def create_app(settings: Settings, database: Database) -> FastAPI:
    app = FastAPIOffline(  # its /docs fetches nothing from elsewhere
        title="Kerasearch",
        version=version("kerasearch"),
        summary="Hyperparameter search for Keras models.",
        responses=problem_documents.DOCUMENTED,
        redoc_url=None,  # one page of documentation is enough
    )
    app.state.context = Context(settings, database)
    problem_documents.install(app)
    for module in (jobs, trials, analysis, retrainings, datasets, models, health):
        app.include_router(module.router)
    app.include_router(proxy_router(settings.mlflow_url.removesuffix("/mlflow")))
    # No limit below /mlflow, which takes models.
    limits_mib = {"/v1/datasets": settings.upload_limit_mib, "/v1/": JSON_LIMIT_MIB}
    app.add_middleware(BodyLimit, limits_mib=limits_mib)
    app.add_middleware(SameSite, names={"localhost", "127.0.0.1", "::1", settings.host})
    return app
