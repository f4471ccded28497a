"""The column of genders of a list of recordings: words of several languages, letters, and what contradicts itself."""

import pytest
from corpus_folders import make_folder
from test_listed import HEADER, listed_in

from convcam_jax.corpora.listed import find_listed
from convcam_jax.system.errors import UserError


@pytest.mark.parametrize(
    ("words", "gender"),
    [
        (("female", "Female", "F", "f", "w", "W", "weiblich", "woman", " f "), "female"),
        (("male", "M", "m", "männlich", "Mann", "MALE"), "male"),
        (("",), ""),
    ],
)
def test_genders_in_the_words_that_people_use(words, gender, tmp_path):
    for word in words:
        folder = make_folder(tmp_path, ["wav/a.wav"], f"{HEADER}a,ann,{word},joy,t\n")
        assert listed_in(folder)[0].gender == gender


@pytest.mark.parametrize(
    ("words", "genders"),
    [
        (("H", "M"), ["male", "female"]),
        (("hombre", "mujer"), ["male", "female"]),
        (("h", "f"), ["male", "female"]),
        (("f", "m"), ["female", "male"]),
    ],
)
def test_a_letter_means_what_it_does_beside_the_others_of_its_column(words, genders, tmp_path, capsys):
    rows = "".join(f"{name},{name},{word},joy,t\n" for name, word in zip("ab", words, strict=True))
    folder = make_folder(tmp_path, ["a.wav", "b.wav"], HEADER + rows)
    assert [u.gender for u in listed_in(folder)] == genders
    said = "utterances.csv: of the genders, h was taken for male (hombre) and m for female (mujer)\n"
    assert capsys.readouterr().err.count(said) == (words == ("H", "M"))


@pytest.mark.parametrize("woman", ["f", "w", "Mujer"])
def test_a_letter_that_may_be_of_either_gender_is_a_problem(woman, tmp_path, capsys):
    words = zip("abc", ("h", "m", woman), strict=True)
    rows = "".join(f"{name},{name},{word},joy,t\n" for name, word in words)
    found = find_listed(make_folder(tmp_path, ["a.wav", "b.wav", "c.wav"], HEADER + rows), "skip")
    assert [u.gender for u in found.utterances] == ["male", "female"]
    [problem] = [p for p in found.problems if p.kind != "not listed"]
    assert (problem.recording, problem.kind) == ("a", "of an unknown gender")
    assert "gender 'h' is unknown" in str(problem)
    assert "hombre" not in capsys.readouterr().err


def test_speakers_of_two_genders_are_told_with_their_recordings(tmp_path):
    rows = ["a,bob,male,joy,t", "b,ann,female,joy,t", "c,ann,male,joy,t", *(f"{r},ann,female,joy,t" for r in "defg")]
    folder = make_folder(tmp_path, [f"{r}.wav" for r in "abcdefg"], HEADER + "\n".join(rows) + "\n")
    with pytest.raises(UserError) as caught:
        find_listed(folder, "stop")
    assert (
        f"c: {folder}/utterances.csv: speaker ann is female in b, d, e and 2 more and male in c; give each speaker one "
        "gender"
    ) in str(caught.value)
    assert [u.recording for u in listed_in(folder, "skip")] == [*"abdefg"]


def test_of_as_many_recordings_of_either_gender_none_is_used(tmp_path):
    rows = ["a,bob,male,joy,t", "b,ann,female,joy,t", "c,ann,male,joy,t"]
    folder = make_folder(tmp_path, [f"{r}.wav" for r in "abc"], HEADER + "\n".join(rows) + "\n")
    assert [u.recording for u in listed_in(folder, "skip")] == ["a"]


def test_rows_that_tell_no_gender_have_that_of_most_of_the_speakers_rows_that_tell_one(tmp_path):
    rows = ["a,ann,f,joy,t", "b,ann,f,joy,t", "c,ann,m,joy,t", "d,ann,,joy,t"]
    # No more of one than of the other: of the row that tells none it is not known either.
    rows += ["e,bob,f,joy,t", "f,bob,m,joy,t", "g,bob,,joy,t", "h,bob,,joy,t", "i,bob,,joy,t"]
    folder = make_folder(tmp_path, [f"{r}.wav" for r in "abcdefghi"], HEADER + "\n".join(rows) + "\n")
    found = find_listed(folder, "skip")
    assert [(u.recording, u.gender) for u in found.utterances] == [("a", "female"), ("b", "female"), ("d", "female")]
    assert {p.recording for p in found.problems} == set("cefghi")


def test_a_gender_that_is_not_told_is_that_of_the_speakers_other_rows(tmp_path):
    rows = ["a,ann,,joy,t", "b,ann,F,joy,t", "c,ann,,fear,t", "d,eve,,joy,t"]
    folder = make_folder(tmp_path, [f"{r}.wav" for r in "abcd"], HEADER + "\n".join(rows) + "\n")
    assert [u.gender for u in listed_in(folder, "stop")] == ["female"] * 3 + [""]
