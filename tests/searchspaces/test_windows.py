import pytest

from kerasearch.searchspaces import InvalidInput, default_space, of_kind, space_for


def names(family: str, kind: str) -> set[str]:
    return set(of_kind(default_space(family), family, kind).parameters)


def test_data_that_is_cut_brings_the_length_of_its_windows() -> None:
    assert names("mlp", "series") - names("mlp", "tabular") == {"window"}
    assert names("recurrent", "series") - names("recurrent", "sequence") == {"window", "stateful"}


def test_a_network_that_continues_a_text_reads_it_one_way() -> None:
    assert names("recurrent", "sequence") - names("recurrent", "text") == {"bidirectional"}


def test_the_window_is_searched_where_it_is_there_and_refused_where_it_is_not() -> None:
    asked = {"window": {"type": "int", "low": 10, "high": 90}}
    series = of_kind(default_space("mlp"), "mlp", "series")
    assert space_for("mlp", asked, series).parameters["window"].bounds() == (10, 90)
    with pytest.raises(InvalidInput, match="no parameter of mlp 'window'"):
        space_for("mlp", asked, of_kind(default_space("mlp"), "mlp", "tabular"))


def test_a_window_is_a_whole_number() -> None:
    series = of_kind(default_space("mlp"), "mlp", "series")
    with pytest.raises(InvalidInput, match="reads window as whole numbers"):
        space_for("mlp", {"window": 0.5}, series)
