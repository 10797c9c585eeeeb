"""The one exception of the package's own."""


class InputError(ValueError):
    """Input that cannot be used.

    The message says, in one sentence, what was expected, what came and the way out. The command
    line prints it alone, without a traceback, and exits with status 2.
    """
