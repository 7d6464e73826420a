"""Mistakes of the caller: shown as one line, never as a traceback."""


class InputError(Exception):
    """What we were given (a file, an option, an environment variable) is wrong; the message names it and the mend."""
