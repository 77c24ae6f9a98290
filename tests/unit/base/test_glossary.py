"""Every term has a meaning that also stands alone as one line."""

from bandprobe.base.glossary import FIRST_TERMS, GLOSSARY, first_sentence
from bandprobe.cli.main import help_text


def test_meanings_are_whole_sentences() -> None:
    assert all(meaning.endswith(".") and meaning[0].isupper() for meaning in GLOSSARY.values())


def test_the_help_of_the_command_explains_the_first_terms_in_a_line_each() -> None:
    lines = help_text().splitlines()
    for term in FIRST_TERMS:
        (line,) = [line for line in lines if line.split()[:1] == [term]]
        assert line.endswith(first_sentence(term))
        assert len(line) <= 100
