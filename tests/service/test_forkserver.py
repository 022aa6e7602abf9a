"""The forkserver looks for no garbage; what it forks does, but not among what was imported."""

import subprocess
import sys

PROGRAM = """
import gc, os
import kerasearch.service.forkserver
imported = len(gc.get_objects())
if pid := os.fork():
    os.waitpid(pid, 0)
    print(gc.isenabled())
else:
    print(gc.isenabled(), len(gc.get_objects()) < imported / 10)
"""


def test_what_is_forked_collects_its_own_garbage_and_leaves_alone_what_was_imported() -> None:
    command = [sys.executable, "-c", PROGRAM]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["True True", "False"]
