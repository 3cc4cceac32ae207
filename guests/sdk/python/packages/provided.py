"""What code may import without asking for it: AWS's runtime has boto3, and what boto3 needs, and time zones."""

import sys

from . import graph

#: Modules of AWS's runtime, and the packages that have them.
_PROVIDED = {
    "boto3": "boto3",
    "botocore": "boto3",
    "s3transfer": "boto3",
    "urllib3": "urllib3",
    "jmespath": "jmespath",
    "dateutil": "python-dateutil",
    "six": "six",
}

#: What Python's standard library had before 3.13, and packages that go on with it.
_REMOVED = {
    **{
        name: f"standard-{name}"
        for name in "asynchat asyncore chunk imghdr mailcap nntplib pipes smtpd sndhdr uu xdrlib".split()
    },
    "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi",
    "telnetlib": "standard-telnetlib",
}


def missing(staged):
    """Returns the packages of AWS's runtime that the code imports and that are not there. Says what else is missing."""
    files = graph.modules(staged / "task", staged / "packages")
    roots = [name for name, path in files.items() if (staged / "task") in path.parents]
    tops = {name.partition(".")[0] for name in files}
    added, unknown = set(), {}
    for importer, found in graph.reached(roots, files):
        top = found.name.partition(".")[0]
        if top == "zoneinfo" and "tzdata" not in tops:
            # The standard library reads them from the system, which a guest has none of.
            added.add("tzdata")
        if not top or top in tops:
            continue
        if top in _REMOVED and not found.is_guarded:
            added.add(_REMOVED[top])
        if top in sys.stdlib_module_names or top in _REMOVED:
            continue
        if top in _PROVIDED and (importer in roots or not found.is_guarded):
            added.add(_PROVIDED[top])
        elif importer in roots and not found.is_guarded and top not in ("guesthouse", "__future__"):
            unknown.setdefault(top, importer)
    for top, importer in sorted(unknown.items()):
        print(f"note: `{importer}` imports `{top}`, which is nowhere: is it missing in `requirements.txt`?")
    return sorted(added)
