"""Folders of pictures: their files, and the one archive of them that is sent."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from kerasearch.models.datasets.picture import is_junk, require_picture
from kerasearch.models.datasets.refusal import refuse


def files_in(folder: Path) -> list[Path]:
    """Every picture below a folder, relative to it, by name.

    Raises:
        InvalidInput: At `/file`: there is none, or a link or another file, by its name. What a link
            leads to may be anything on this machine.
    """
    found = []
    for where, folders, files in os.walk(folder, onerror=_raise):
        below = Path(where).relative_to(folder)
        folders[:] = [name for name in folders if not is_junk((*below.parts, name))]
        kept = [name for name in files if not is_junk((*below.parts, name))]
        for name in (*folders, *kept):
            if Path(where, name).is_symlink():
                refuse(f"'{below / name}' is a link: put the files themselves there")
        for name in kept:
            require_picture(str(below / name))
            found.append(below / name)
    if not found:
        refuse(f"{folder} holds no PNG or JPEG file")
    return sorted(found)


def _raise(error: OSError) -> NoReturn:
    raise error  # else a folder that can't be read is passed over


@contextmanager
def one_file(path: Path) -> Iterator[Path]:
    """`path`, of a folder an archive of its pictures; raises InvalidInput as `files_in`."""
    if not path.is_dir():
        yield path
        return
    with TemporaryDirectory() as folder:
        archive = Path(folder, "pictures.zip")
        with zipfile.ZipFile(archive, "w", strict_timestamps=False) as made:
            for file in files_in(path):  # not deflated: pictures are that already
                made.write(path / file, file)
        yield archive
