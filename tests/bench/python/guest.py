"""The benchmark's handlers as one guest: the handler's name says which of them it is, as it does to AWS's runtime."""

import os

import app

handler = getattr(app, os.environ["_HANDLER"])
