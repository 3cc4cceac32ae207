"""Why there is no guest."""


class Refused(Exception):
    """A reason for the user's eyes, with a `hint: ` where there is a way out."""
