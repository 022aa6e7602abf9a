import subprocess
import sys


def test_a_study_is_made_without_a_word_in_the_log() -> None:
    code = (
        "from kerasearch.searchspaces import SearchSpace\n"
        "from kerasearch.service.sampling.display import study_of_values\n"
        "study_of_values(SearchSpace.parse({'units': 3}), ['maximize'], [])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
