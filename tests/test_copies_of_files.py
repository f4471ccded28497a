"""Official corpora of which a folder holds files twice, as archives do, or two files of one name."""

from pathlib import Path

import pytest
from corpus_folders import find, touch

from convcam_jax.system.errors import RecordingError, UserError

# Of each corpus two files, of which the first is there twice, and what it is called.
CORPORA = {
    "ravdess": ("{}Actor_01/03-01-05-01-01-01-01.wav", "{}Actor_02/03-01-05-01-01-01-02.wav", "03-01-05-01-01-01-01"),
    "tess": ("{}OAF_angry/OAF_back_angry.wav", "{}YAF_sad/YAF_back_sad.wav", "OAF_back_angry"),
    "emovo": ("{}f1/rab-f1-b1.wav", "{}m1/rab-m1-b1.wav", "rab-f1-b1"),
    "savee": ("{}DC/a01.wav", "{}KL/a01.wav", "DC_a01"),
    "iemocap": (
        "{}Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        "{}Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M001.wav",
        "Ses01F_impro01_F000",
    ),
}
LABEL = "[6.2901 - 8.2357]\t{}\t{}\t[2.5000, 2.5000, 2.5000]\n"


def make(folder: Path, corpus: str, contents: tuple[bytes, bytes]) -> list[Path]:
    """A corpus whose first file is there twice, with contents."""
    once, other, _ = CORPORA[corpus]
    *twice, _ = touch(folder, [once.format("a/"), once.format("b/"), other.format("a/")])
    for path, content in zip(twice, contents, strict=True):
        path.write_bytes(content)
    if corpus == "iemocap":
        add_labels(folder, "neu", "neu")
    return twice


def add_labels(folder: Path, *codes: str) -> None:
    paths = touch(folder, [f"{copy}/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt" for copy in "ab"])
    for path, code in zip(paths, codes, strict=True):
        path.write_text(LABEL.format("Ses01F_impro01_F000", code) + LABEL.format("Ses01F_impro01_M001", "sad"))


@pytest.mark.parametrize("corpus", CORPORA)
def test_copies_are_passed_over(corpus, tmp_path):
    first, _ = make(tmp_path, corpus, (b"sound", b"sound"))
    found = find(corpus, tmp_path)
    assert len(found.utterances) == 2
    assert found.problems == []
    assert first in [u.path for u in found.utterances]


@pytest.mark.parametrize("contents", [(b"sound", b"other"), (b"", b"sound")])
@pytest.mark.parametrize("corpus", CORPORA)
def test_different_files_of_one_name_are_a_problem_that_names_both(corpus, contents, tmp_path):
    first, second = make(tmp_path, corpus, contents)
    name = CORPORA[corpus][-1]
    message = f"{name}: {first} and {second} have one name and not the same content; remove or rename one"
    with pytest.raises(RecordingError) as caught:
        find(corpus, tmp_path)
    assert str(caught.value) == message
    found = find(corpus, tmp_path, on_error="skip")
    assert len(found.utterances) == 1
    assert name not in [u.recording for u in found.utterances]
    assert [(p.recording, p.kind) for p in found.problems] == [(name, "of which there are different files")]


@pytest.mark.parametrize("corpus", CORPORA)
def test_what_cannot_be_compared_is_no_copy(corpus, tmp_path):
    _, second = make(tmp_path, corpus, (b"sound", b"sound"))
    second.unlink()
    second.mkdir()
    with pytest.raises(UserError, match="have one name and not the same content"):
        find(corpus, tmp_path)


def test_copies_of_labels_that_differ_are_a_problem(tmp_path):
    make(tmp_path, "iemocap", (b"sound", b"sound"))
    add_labels(tmp_path, "neu", "ang")
    found = find("iemocap", tmp_path, on_error="skip")
    assert [u.recording for u in found.utterances] == ["Ses01F_impro01_M001"]
    assert [p.kind for p in found.problems] == ["with several labels"]
