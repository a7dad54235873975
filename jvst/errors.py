"""The error for input that jvst can't use."""


class InputError(ValueError):
    """A file, option or value that can't be used; the message is one line for the user.

    It says what was given, what was expected and what to do. An option is named as Python does,
    between backticks, such as `run_dir`; the command line, which prints the message and exits with
    status 2, makes ``--run-dir`` of it. Under Python it is a ``ValueError``.
    """
