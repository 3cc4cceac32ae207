"""Triggers of a user pool: who may sign up, what the messages say, and what is in a token."""

import logging
import re
import unicodedata

logging.getLogger().setLevel("INFO")
log = logging.getLogger(__name__)

DOMAINS = {"example.com": "staff", "partner.example.org": "partner"}


def pre_sign_up(event):
    email = event["request"]["userAttributes"]["email"].strip().lower()
    match = re.fullmatch(r"(?P<local>[^@\s]+)@(?P<domain>[^@\s]+\.[a-z]{2,})", email)
    if match is None:
        raise ValueError(f"Invalid e-mail address: {email}")
    known = match["domain"] in DOMAINS
    event["response"].update(autoConfirmUser=known, autoVerifyEmail=known)


def custom_message(event):
    request = event["request"]
    name = unicodedata.normalize("NFC", request["userAttributes"].get("name", "there"))
    event["response"]["emailSubject"] = "Welcome to the shop"
    event["response"]["emailMessage"] = f"Hello {name}, your code is {request['codeParameter']}"


def token_generation(event):
    attributes = event["request"]["userAttributes"]
    group = DOMAINS.get(attributes["email"].rpartition("@")[2], "guest")
    event["response"]["claimsOverrideDetails"] = {
        "claimsToAddOrOverride": {"group": group, "initials": "".join(part[0] for part in attributes["name"].split())},
        "claimsToSuppress": ["phone_number"],
    }


def lambda_handler(event, context):
    log.info("%s of %s", event["triggerSource"], event["userName"])
    match event["triggerSource"].split("_"):
        case ["PreSignUp", _]:
            pre_sign_up(event)
        case ["CustomMessage", "SignUp" | "ResendCode"]:
            custom_message(event)
        case ["TokenGeneration", *_]:
            token_generation(event)
        case [other, *_]:
            raise NotImplementedError(f"no trigger for {other}")
    return event
