"""What a forkserver imports first: while it then imports keras it would outlive its parent.

Nor does it look for garbage: importing keras leaves none that is worth it, and the search takes a
quarter of the time. What it forks does, but not among what was imported, whose memory they share.
"""

import gc
import os

from kerasearch.service.process import die_with_parent

die_with_parent()
gc.disable()
os.register_at_fork(before=gc.freeze, after_in_child=gc.enable)
