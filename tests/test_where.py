"""What the log says of an unexpected exception."""

from functions.errors import where


def test_an_unexpected_exception_is_logged_without_its_words() -> None:
    """Kind and place are told; the message, which may hold a prompt or an answer, is not."""
    words = "canary-" + "prompt"
    try:
        raise ValueError(words)
    except ValueError as error:
        told = where(error)
    assert told.startswith("ValueError")
    assert "test_where.py" in told
    assert words not in told
