"""Prepares AWS's SDK while the guest is built.

botocore describes each service in a file of JSON, some of them large, and makes its clients of it. What only depends on
these files is done at build time. No client, no setting and no variable of the build stays.
"""

import importlib

#: What boto3 imports when it makes a client.
_LAZY = """
    boto3.dynamodb.conditions boto3.dynamodb.table boto3.dynamodb.transform boto3.dynamodb.types boto3.ec2.createtags
    boto3.resources.collection boto3.resources.factory boto3.s3.inject boto3.s3.transfer boto3.session
    botocore.awsrequest botocore.client botocore.config botocore.credentials botocore.endpoint_provider
    botocore.handlers botocore.httpchecksum botocore.httpsession botocore.loaders botocore.paginate botocore.parsers
    botocore.regions botocore.retries.adaptive botocore.retries.standard botocore.retryhandler botocore.serialize
    botocore.session botocore.signers botocore.validate botocore.waiter s3transfer.manager
""".split()

_REGION = "us-east-1"


def prepare(services):
    """Imports the SDK, and reads what it has of these services."""
    for name in _LAZY:
        try:
            importlib.import_module(name)
        except ImportError:
            # Another version of the SDK, or botocore alone.
            pass
    import botocore.loaders
    import botocore.session

    _keep_files(botocore.loaders.JSONFileLoader)
    for service in services:
        # Whoever makes a client later finds the files read. This one is dropped.
        session = botocore.session.Session()
        session.set_credentials("build", "build")
        try:
            session.create_client(service, region_name=_REGION)
        except Exception as error:
            print(f"`{service}` is not prepared: {error}")


def _keep_files(loader):
    kept = {}
    real = loader.load_file

    def load_file(self, path):
        if path not in kept:
            # Files that are there are kept; botocore does not change what it has loaded.
            kept[path] = real(self, path)
        return kept[path]

    loader.load_file = load_file
