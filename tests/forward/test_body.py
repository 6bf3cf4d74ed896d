"""Reading a body as JSON, no more and no less."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import BadRequest
from functions.forward.body import DEPTH_MAX, DIGITS_MAX, encode, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(10**38), 10**38) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=30,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=5)


@given(value=OBJECTS, ascii=st.booleans(), indent=st.sampled_from([None, 2]))
def test_what_json_wrote_is_read_as_it_was(value: dict[str, Any], ascii: bool, indent: int | None) -> None:
    """Any object of JSON, however it is written, is read as the same object."""
    assert parse(json.dumps(value, ensure_ascii=ascii, indent=indent).encode()) == value


@given(value=OBJECTS)
def test_what_is_sent_on_reads_as_what_came(value: dict[str, Any]) -> None:
    """The body that goes upstream says the same as the one that came."""
    assert json.loads(encode(parse(json.dumps(value).encode()))) == value


@given(raw=st.binary(max_size=200) | st.text('[]{}",:\\ 0123456789.eE+-truefalsnNaInity', max_size=200).map(str.encode))
def test_any_bytes_are_an_object_or_a_bad_request(raw: bytes) -> None:
    """No bytes lead to anything but an object or BadRequest."""
    try:
        body = parse(raw)
    except BadRequest:
        return
    assert body == json.loads(raw)


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    """An object that nests to this depth, itself included."""
    return ('{"a":' + opening * (depth - 1) + closing * (depth - 1) + "}").encode()


def test_nesting_is_bounded_to_the_level() -> None:
    """As deep as DEPTH_MAX is read, one deeper is not."""
    assert parse(nested(DEPTH_MAX))["a"]
    with pytest.raises(BadRequest, match="nested deeper"):
        parse(nested(DEPTH_MAX + 1))


def test_many_brackets_side_by_side_are_not_deep() -> None:
    """Width is not depth."""
    assert len(parse(b'{"a":[' + b",".join([b'{"b":[]}'] * 1000) + b"]}")["a"]) == 1000


@pytest.mark.parametrize("text", ["[" * 1000, '\\"' + "[" * 1000, "\\\\", "\\\\\\" + '"' + "{" * 1000, "]" * 100])
def test_brackets_in_strings_are_not_nesting(text: str) -> None:
    """What stands in a string is text, whatever quotes and slashes are around it."""
    raw = json.dumps({"a": text, "b": [[]] * 40, "c": "[" * 70 + text}).encode()
    assert parse(raw)["a"] == text


@given(text=st.text('[]{}\\"a', max_size=40), depth=st.integers(2, 90))
def test_depth_is_what_is_outside_of_strings(text: str, depth: int) -> None:
    """The bound on nesting hits neither earlier nor later for what stands in strings before it."""
    raw = b'{"pad":%s,"t":%s,%s' % (b"[" + b"[]," * 70 + b"0]", json.dumps(text).encode(), nested(depth)[1:])
    if depth <= DEPTH_MAX:
        assert parse(raw)["t"] == text
    else:
        with pytest.raises(BadRequest, match="nested deeper"):
            parse(raw)


@pytest.mark.parametrize("raw", [b'{"a":"' + b"[" * 100, b'{"a":"\\' + b"[" * 100, b'"' * 101 + b"[" * 100])
def test_strings_without_end_are_bad_requests(raw: bytes) -> None:
    """A string that never ends is no reason to read beyond the body."""
    with pytest.raises(BadRequest):
        parse(raw)


@pytest.mark.parametrize("raw", [b'{"a":1e400}', b'{"a":-1e999}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}'])
def test_numbers_that_are_none_are_refused(raw: bytes) -> None:
    """NaN and infinities are not JSON, however they are written."""
    with pytest.raises(BadRequest):
        parse(raw)


def test_digits_are_bounded() -> None:
    """A number of DIGITS_MAX digits is read, a longer one is refused before it is computed."""
    assert parse(b'{"a":' + b"9" * DIGITS_MAX + b"}") == {"a": 10**DIGITS_MAX - 1}
    with pytest.raises(BadRequest, match="too large"):
        parse(b'{"a":' + b"9" * (DIGITS_MAX + 1) + b"}")


def test_small_floats_stay_what_they_are() -> None:
    """A tiny number is not an error."""
    assert math.isclose(parse(b'{"a":1e-300}')["a"], 1e-300)


@pytest.mark.parametrize("name", ["a", "\\u0061", ""])
def test_a_field_that_stands_twice_is_named(name: str) -> None:
    """The same key twice is refused, also when it is written in two ways, at any level."""
    other = "a" if name else ""
    for raw in (f'{{"{name}":1,"{other}":1}}', f'{{"x":[{{"{name}":1,"y":2,"{other}":3}}]}}'):
        with pytest.raises(BadRequest) as refused:
            parse(raw.encode())
        assert refused.value.param == other


def test_a_long_field_is_not_repeated_in_the_error() -> None:
    """An error says no more of a field than its beginning."""
    name = "x" * 10_000
    with pytest.raises(BadRequest) as refused:
        parse(f'{{"{name}":1,"{name}":1}}'.encode())
    assert refused.value.param == "x" * 50
    assert len(refused.value.message) < 200


def test_half_a_character_goes_nowhere() -> None:
    """Half a surrogate pair cannot be sent on; a whole one can."""
    with pytest.raises(BadRequest, match="surrogate"):
        encode(parse(b'{"a":"\\ud83d"}'))
    assert encode(parse(b'{"a":"\\ud83d\\ude8b"}')) == '{"a":"🚋"}'.encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "latin-1"])
def test_only_utf_8_is_read(encoding: str) -> None:
    """JSON between systems is UTF-8 (RFC 8259); another encoding would also be shorter than its tokens."""
    with pytest.raises(BadRequest):
        parse('{"a":"é世"}'.encode(encoding, errors="replace"))


def test_a_byte_order_mark_is_ignored() -> None:
    """RFC 8259 lets a reader ignore the mark, and some clients write it."""
    assert parse(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
