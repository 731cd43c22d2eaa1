"""The data dictionary has words for every column that clients see and for nothing else, and its page has the same words."""

from pathlib import Path

from wasmverse.storage import dictionary, dictionary_page, schema, views

PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"

COLUMNS = dictionary_page.columns()
WORDS = dictionary.load()


def test_no_column_is_without_words() -> None:
    assert list(WORDS) == list(COLUMNS) == [*views.CLIENT_NAMES, *views.READER_NAMES]
    for name, columns in COLUMNS.items():
        assert WORDS[name].about
        for column in columns:
            words = WORDS[name].of(column)
            assert words is not None, f"give {name}.{column} its line in storage/dictionary.toml"
            assert len(words.meaning) > 5, f"{name}.{column} needs words"


def test_no_words_are_about_a_column_that_is_not_there() -> None:
    for name, words in WORDS.items():
        assert set(words.own) <= set(COLUMNS[name]), name
    used = {column for columns in COLUMNS.values() for column in columns}
    assert set(WORDS["entity"].shared) <= used


def test_what_may_be_null_is_what_the_tables_say() -> None:
    for table in schema.SNAPSHOT_TABLES:
        for column in table.columns if table.name in WORDS else ():
            if column.name in COLUMNS[table.name]:
                words = WORDS[table.name].of(column.name)
                assert words is not None
                assert words.is_nullable == column.nullable, f"{table.name}.{column.name}"


def test_the_page_is_in_step() -> None:
    command = "python -m wasmverse.storage.dictionary_page docs/data-dictionary.md"
    assert PAGE.read_text("utf-8") == dictionary_page.page(), f"run {command}"
