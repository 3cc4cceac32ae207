"""What `hashlib` has of OpenSSL, and a guest does not."""

from . import stdlib


def install():
    """Adds what is missing."""
    stdlib.after("hashlib", _change)


def _change(hashlib):
    if not hasattr(hashlib, "pbkdf2_hmac"):
        hashlib.pbkdf2_hmac = _pbkdf2_hmac


def _pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    """Derives a key from a password. Source: RFC 8018, section 5.2."""
    import hmac

    if iterations < 1:
        raise ValueError("iterations must be greater than 0")
    keyed = hmac.new(bytes(password), None, hash_name)
    length = keyed.digest_size if dklen is None else dklen
    if length < 1:
        raise ValueError("key length must be greater than 0")
    derived = b""
    for number in range(1, -(-length // keyed.digest_size) + 1):
        piece = _digest(keyed, bytes(salt) + number.to_bytes(4, "big"))
        mixed = int.from_bytes(piece, "big")
        for _ in range(iterations - 1):
            piece = _digest(keyed, piece)
            mixed ^= int.from_bytes(piece, "big")
        derived += mixed.to_bytes(keyed.digest_size, "big")
    return derived[:length]


def _digest(keyed, data):
    copy = keyed.copy()
    copy.update(data)
    return copy.digest()
