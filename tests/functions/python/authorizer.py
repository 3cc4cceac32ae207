"""An authorizer of a REST API: checks the caller's token, and says what it may call."""

import os
import re

import jwt

SECRET = os.environ.get("TOKEN_SECRET", "a secret that is long enough for HS256")
ISSUER = "https://auth.example.com/"


class AuthPolicy:
    path_regex = re.compile(r"^[/.a-zA-Z0-9-\*]+$")

    def __init__(self, principal, arn):
        self.principal = principal
        region, account, rest = re.match(r"arn:aws:execute-api:([^:]+):(\d+):(.+)", arn).groups()
        self.api, self.stage = rest.split("/")[:2]
        self.prefix = f"arn:aws:execute-api:{region}:{account}:{self.api}/{self.stage}"
        self.statements = {"Allow": [], "Deny": []}

    def add(self, effect, verb, resource):
        if not self.path_regex.match(resource):
            raise NameError(f"Invalid resource path: {resource}")
        self.statements[effect].append(f"{self.prefix}/{verb}/{resource.lstrip('/')}")

    def build(self):
        return {
            "principalId": self.principal,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resources}
                    for effect, resources in self.statements.items()
                    if resources
                ],
            },
        }


def lambda_handler(event, context):
    scheme, _, token = event.get("authorizationToken", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Exception("Unauthorized")
    try:
        claims = jwt.decode(
            token, SECRET, algorithms=["HS256"], issuer=ISSUER, audience="shop", options={"require": ["sub", "iss"]}
        )
    except jwt.InvalidSignatureError:
        raise Exception("Unauthorized") from None
    policy = AuthPolicy(claims["sub"], event["methodArn"])
    if "admin" in claims.get("roles", []):
        policy.add("Allow", "*", "*")
    else:
        policy.add("Allow", "GET", "/orders/*")
        policy.add("Deny", "DELETE", "/orders/*")
    for path in claims.get("extra", []):
        policy.add("Allow", "GET", path)
    return {**policy.build(), "context": {"tenant": claims.get("tenant", "none"), "roles": ",".join(claims.get("roles", []))}}
