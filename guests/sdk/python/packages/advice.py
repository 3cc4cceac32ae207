"""What to do instead of packages that need native code. Any other package gets the general advice."""

_INSTEAD = {
    "pydantic-core": "`pydantic<2` in the requirements is pure Python, for FastAPI with `fastapi<0.119`, and for Powertools' "
    "parser with `aws-lambda-powertools<3`",
    "cryptography": "tokens signed with a secret (HS256) need `pyjwt` only, without `[crypto]`; `rsa` and `python-jose` check "
    "RS256 in pure Python",
    "orjson": "use `json`, of the standard library",
    "ujson": "use `json`, of the standard library",
    "numpy": "`statistics`, `math` and `array`, of the standard library, or a handler in another language",
    "pandas": "`csv` and `statistics`, of the standard library, or a handler in another language",
    "pillow": "a handler in Rust or Go for images",
    "lxml": "`xml.etree.ElementTree`, of the standard library, or `defusedxml`",
    "rpds-py": "`jsonschema<4.18` in the requirements is pure Python",
    "psycopg2": "`pg8000` is pure Python, and so is RDS's Data API by boto3",
    "psycopg2-binary": "`pg8000` is pure Python, and so is RDS's Data API by boto3",
    "mysqlclient": "`pymysql` is pure Python",
    "bcrypt": "`hashlib.pbkdf2_hmac`, of the standard library",
    "grpcio": "call the service by HTTP",
    "rapidfuzz": "`difflib`, of the standard library",
}


def instead_of(name):
    return _INSTEAD.get(name, "use a package of pure Python instead, or leave it out of the requirements")
