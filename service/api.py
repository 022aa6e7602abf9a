"""The API process."""

import uvicorn

from kerasearch.service.app import create_app
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database

GRACE_S = 3
"""Event streams are cut after this; their readers resume."""

LOCK_WAIT_S = 5.0
"""For the database's lock; then the answer is 503, long before a client gives up."""


def run(settings: Settings) -> None:
    uvicorn.run(
        create_app(settings, Database(settings.database_url)),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=False,
    )
