"""The readers of the other tests in this folder, by hand: a reader that finds nothing would let them pass."""

from tests.docs.pages import anchors_of, blocks_of, commands_of, links_of, places_of, rows_under, yaml_files_of

PAGE = """\
# A title: `with` code

```python
x = 1
```

See [one](a/b.md#part), [two](#a-title-with-code), [three](https://example.org/x) and `tests/x/test_y.py::test_z`.
Run `cmploss compare --seeds 3` or `compare`.

```console
$ cmploss train --task sst2 \\
    --seed 1  # a comment
torchrun --nproc_per_node 2 -m cmploss train --task rte
HF_HUB_OFFLINE=1 .venv/bin/cmploss inspect some/model && echo [not](alink.md)
cmplossy no
```

## Table

| a | b |
|---|---|
| `x` | 1 |
"""


def test_blocks_have_language_text_and_line():
    python, console = blocks_of(PAGE)
    assert (python.language, python.text, python.line) == ("python", "x = 1\n", 4)
    assert console.language == "console"


def test_commands_are_found_in_blocks_and_code_spans():
    assert commands_of(PAGE) == [
        ["train", "--task", "sst2", "--seed", "1"],
        ["train", "--task", "rte"],
        ["inspect", "some/model"],
        ["compare", "--seeds", "3"],
    ]


def test_links_anchors_and_places():
    assert links_of(PAGE) == ["a/b.md#part", "#a-title-with-code"]
    assert anchors_of(PAGE) == {"a-title-with-code", "table"}
    assert places_of(PAGE) == ["tests/x/test_y.py::test_z"]


def test_rows_of_a_section():
    assert rows_under(PAGE, "Table") == [["a", "b"], ["x", "1"]]
    assert rows_under(PAGE, "No such section") == []


def test_yaml_files_are_the_blocks_that_begin_with_a_name():
    page = "```yaml\n# a.yaml\nseeds: 1\n```\n```yaml\nseeds: 2\n```\n```text\n# b.yaml\n```\n"
    assert yaml_files_of(page) == {"a.yaml": "# a.yaml\nseeds: 1\n"}
