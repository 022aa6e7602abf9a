"""Entry of the supervisor's children: `python -m kerasearch.service ROLE`.

Started so, and not as modules of their own, because a forkserver's child imports its parent's main
module again unless that is a package's `__main__`: it would cost every trial process a second.
"""

import gc
import sys
from importlib import import_module

from kerasearch.service.preloading import start_forkserver
from kerasearch.service.process import log_to_stderr
from kerasearch.service.settings import Settings

ROLES = ("api", "scheduler", "mirror")


def main() -> None:
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role not in ROLES:
        sys.exit(f"usage: python -m kerasearch.service {'|'.join(ROLES)}")
    log_to_stderr(role)
    settings = Settings()
    if role == "scheduler" and settings.executor == "local":
        start_forkserver()
    gc.disable()  # what is imported stays: to look for garbage in it takes a sixth of the time
    part = import_module(f"kerasearch.service.{role}")
    gc.freeze()
    gc.enable()
    part.run(settings)


if __name__ == "__main__":
    main()
