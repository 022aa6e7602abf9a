from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown


def test_pointers_escape_what_rfc_6901_says():
    assert pointer_to("space", "a/b~c", 3) == "/space/a~1b~0c/3"


def test_problems_move_under_the_document_that_holds_theirs():
    error = InvalidInput([Problem("/low", "too low"), Problem("", "bad")]).under("/space/units")
    assert [p.pointer for p in error.problems] == ["/space/units/low", "/space/units"]


def test_a_near_miss_is_suggested_before_all_names_are():
    assert unknown("model family", "ltsm", ["mlp", "lstm"]) == (
        "no model family 'ltsm'; did you mean 'lstm'? known: lstm, mlp"
    )


def test_a_huge_unknown_name_is_cut():
    assert len(unknown("field", "x" * 1_000_000, ["low"])) < 200


def test_of_names_as_near_as_each_other_the_first_is_meant():
    assert "did you mean 'units_1'?" in unknown("x", "unit", [f"units_{i}" for i in range(1, 6)])
    assert "did you mean 'low'?" in unknown("field", "lo", ["low", "log"])
    assert "did you mean 'units'?" in unknown("x", "unit", ["units_1", "units"])
    assert unknown("x", "unit", {"b", "a"}) == "no x 'unit'; known: a, b"
