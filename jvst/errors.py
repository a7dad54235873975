"""The error for input that jvst can't use."""


class InputError(ValueError):
    """A file, option or value that can't be used; the message is one line for the user.

    It says what was given, what was expected and what to do. The command line prints it and
    exits with status 2; under Python it is a ``ValueError``.
    """
