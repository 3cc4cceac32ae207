"""What the files of a guest import, as far as the build has to know."""

import re

#: Packages that are imported at build time: they are large, and take nothing of the build into the guest.
PREPARED = ("requests", "urllib3", "httpx", "boto3", "botocore")

#: What a file that uses the network has.
_NETWORK = re.compile(
    rb"^\s*(?:import|from)\s+(?:socket|ssl|select|selectors|http\.client|urllib\.request)\b"
    rb"|^\s*(?:import|from)\s+(?:smtplib|ftplib|imaplib|poplib|xmlrpc)\b"
    rb"|^\s*from\s+(?:http|urllib)\s+import\s+.*\b(?:client|request)\b"
    rb"|\basyncio\.(?:open_connection|start_server)\b",
    re.MULTILINE,
)


def uses_network(staged):
    """Whether the user's files or the packages import modules of the network."""
    return any(
        _NETWORK.search(path.read_bytes())
        for directory in ("task", "packages")
        for path in sorted((staged / directory).rglob("*.py"))
    )


def is_there(staged, package):
    """Whether a package is among the user's files or the packages."""
    return any((staged / directory / package / "__init__.py").is_file() for directory in ("task", "packages"))
