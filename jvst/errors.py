"""What a person gave that jvst can't use."""


class InputError(ValueError):
    """A file, option or value that can't be used; the message is one line for a person.

    It says what was given, what was expected and what to do. The command line prints it and
    exits with status 2; under Python it is a ``ValueError``.
    """
