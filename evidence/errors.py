"""Mistakes of the caller and limits of ours: shown as one sentence, never as a traceback."""


class InputError(Exception):
    """What we were given (a file, an option, an environment variable) is wrong; the message names it and the mend."""


class CannotTell(Exception):
    """A check could not look, through no fault of the release; the message is a sentence that says why."""


class PassedOnRetry(Exception):
    """What a check looked at failed, and did not when tried again: the check is FLAKY. The message says what failed."""


class NotApplicable(Exception):
    """The release cannot have what a check is about (TLS where release.toml names plain http); the message says why."""
