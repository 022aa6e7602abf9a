import subprocess
import sys


def test_pictures_need_neither_keras_nor_pyplots_global_state() -> None:
    code = (
        "import sys, kerasearch.models.pictures, kerasearch.models.quick_pictures;"
        "assert not {'keras', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
