"""A form is read as a browser reads it."""

from __future__ import annotations

import pytest

from checks.forms import input_value


@pytest.mark.parametrize(
    "page",
    [
        '<input type="hidden" name="csrf" value="a&amp;b">',
        "<INPUT value='a&amp;b' NAME='csrf'/>",
        "<input name=csrf value=a&amp;b>",
        '<input\n  data-x="1 > 0" name = "csrf"\n value = "a&amp;b" disabled>',
        '<input name="other" value="x"><input name="csrf" value="a&amp;b"><input name="csrf" value="second">',
        '<!-- <input name="csrf" value="old"> --><form><input name="csrf" value="a&amp;b"></form>',
        '<script>"<input name=\'csrf\' value=\'no\'>"</script><input name="csrf" value="a&amp;b">',
        '<input name="csrf" name="other" value="a&amp;b" value="no">',
    ],
)
def test_an_input_is_found_however_it_is_written(page: str) -> None:
    """Quoted in either way or not at all, in capitals, over lines; not in a comment, nor in a script."""
    assert "a&b" == input_value(page, "csrf")


@pytest.mark.parametrize(
    "page", ["", "<input>", '<input name="other">', '<textarea name="csrf">x</textarea>', "<input n"]
)
def test_an_input_that_is_not_there_is_none(page: str) -> None:
    """And no accident."""
    assert input_value(page, "csrf") is None


def test_an_input_without_a_value_is_empty() -> None:
    """As a browser sends it."""
    assert "" == input_value('<input name="csrf" value>', "csrf")
