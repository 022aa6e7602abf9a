"""What a forkserver imports first: while it then imports keras it would outlive its parent."""

from kerasearch.service.process import die_with_parent

die_with_parent()
