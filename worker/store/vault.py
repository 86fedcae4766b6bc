"""Envelope encryption and keyed hashes. Alone in seeing keys.

A sealed value is ``version (1) | wrapped data key (60) | nonce (12) | ciphertext``: AES-256-GCM under a data key of
its own, with the row's id as associated data, and the data key wrapped by the key of its case (or of its mail, as long
as there is no case). Those keys are rows, wrapped by their parent or by the master key; deleting the row destroys all
that was sealed under it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, delete, insert, select, update

from worker.errors import ConfigurationError, SealBroken
from worker.store.tables import vault_key

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Row

_VERSION: Final = b"\x01"
_KEY: Final = 32  # bytes: AES-256
_NONCE: Final = 12  # bytes (NIST SP 800-38D)
_WRAPPED: Final = _NONCE + _KEY + 16  # bytes: nonce, key, tag

_INSERT: Final = insert(vault_key)
_KEYS: Final = select(vault_key.c.id, vault_key.c.wrapped, vault_key.c.parent_id)
_ONE: Final = _KEYS.where(vault_key.c.id == bindparam("this"))
_SOME: Final = _KEYS.where(vault_key.c.id.in_(bindparam("these", expanding=True)))
_ADOPT: Final = update(vault_key).where(vault_key.c.id == bindparam("this"))


def read_key(path: Path, setting: str) -> bytes:
    """The 32 bytes in hexadecimal of a key file; ConfigurationError names ``setting``."""
    try:
        key = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise ConfigurationError(setting, "the key file does not exist", "Run `privacy-desk init`, or restore the file.") from None
    except ValueError:
        raise ConfigurationError(setting, "the key file is not hexadecimal", "Restore the file that `privacy-desk init` made.") from None
    except OSError as error:
        raise ConfigurationError(setting, f"{path} cannot be read ({type(error).__name__})", "Give it to the desk's user.") from None
    if len(key) != _KEY:
        raise ConfigurationError(setting, "the key file does not hold 32 bytes", "Restore the file that `privacy-desk init` made.")
    return key


def make_key(path: Path) -> None:
    """Write a new random key that only its owner may read; an existing file is left as it is."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(os.urandom(_KEY).hex() + "\n")


def _wrap(key: bytes, value: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, value, about)


def _unwrap(key: bytes, blob: bytes, about: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(blob[:_NONCE], blob[_NONCE:], about)
    except InvalidTag:
        msg = f"row {about.decode(errors='replace')}: the seal does not fit"
        raise SealBroken(msg) from None


class Vault:
    """Seals, opens and forgets. One instance serves a process; it holds the master and the index key."""

    def __init__(self, master: bytes, index: bytes) -> None:
        self._master = master
        self._index = index

    def __repr__(self) -> str:
        return "Vault()"

    def _keyed(self, purpose: str, value: str) -> bytes:
        return hmac.new(self._index, f"{purpose}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    def person(self, address_key: str) -> str:
        """The keyed hash (hex) under which the owner of an address is found. Takes ``Address.key``."""
        return self._keyed("person", address_key.lower()).hex()

    def token_hash(self, token: str) -> str:
        """The keyed hash (hex) of a token or code; only this is stored."""
        return self._keyed("token", token).hex()

    @staticmethod
    def same(one: str, other: str) -> bool:
        """Compare two hashes in constant time."""
        return hmac.compare_digest(one, other)

    def derived_token(self, purpose: str, subject: str) -> str:
        """A 256-bit token that can be made again for the same subject: the link of a newsletter's reader."""
        return urlsafe_b64encode(self._keyed(purpose, subject)).decode().rstrip("=")

    def audit_key(self, chain: str) -> bytes:
        """The key of one audit chain, derived from the master key (it outlives the case's data key)."""
        return hmac.new(self._master, f"audit\0{chain}".encode(), hashlib.sha256).digest()

    def sign(self, content: bytes) -> str:
        """The hex Ed25519 signature of a line of the ledger; its key is derived from the master key."""
        return self._signing().sign(content).hex()

    def signed(self, content: bytes, signature: str) -> bool:
        """True if ``signature`` is ours over ``content``."""
        try:
            self._signing().public_key().verify(bytes.fromhex(signature), content)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _signing(self) -> Ed25519PrivateKey:
        seed = hmac.new(self._master, b"signing", hashlib.sha256).digest()
        return Ed25519PrivateKey.from_private_bytes(seed)

    def new_key(self, connection: Connection, key_id: str, at: datetime, parent_id: str | None = None) -> bytes:
        """Make the key ``key_id``, wrapped by ``parent_id``'s key or by the master key. Returns it."""
        key = os.urandom(_KEY)
        wrapped = _wrap(self.key(connection, parent_id, {}), key, key_id.encode())
        connection.execute(_INSERT, {"id": key_id, "parent_id": parent_id, "wrapped": wrapped, "made_at": at})
        return key

    def key(self, connection: Connection, key_id: str | None, known: MutableMapping[str, bytes]) -> bytes:
        """The unwrapped key ``key_id`` (the master key for None); SealBroken if it was destroyed. ``known`` is a cache."""
        if key_id is None:
            return self._master
        if key_id not in known:
            row = connection.execute(_ONE, {"this": key_id}).one_or_none()
            if row is None:
                msg = f"key {key_id} was destroyed"
                raise SealBroken(msg)
            known[key_id] = self._opened(connection, row, known)
        return known[key_id]

    def fetch(self, connection: Connection, key_ids: Iterable[str], known: MutableMapping[str, bytes]) -> None:
        """Put the unwrapped keys into ``known``; one that was destroyed or does not open is left out."""
        missing = sorted({each for each in key_ids if each not in known})
        for row in connection.execute(_SOME, {"these": missing}).all() if missing else ():
            with suppress(SealBroken):
                known[row.id] = self._opened(connection, row, known)

    def _opened(self, connection: Connection, row: Row[str, bytes, str | None], known: MutableMapping[str, bytes]) -> bytes:
        key_id, wrapped, parent_id = row
        return _unwrap(self.key(connection, parent_id, known), wrapped, key_id.encode())

    def adopt(self, connection: Connection, key_id: str, parent_id: str, known: MutableMapping[str, bytes]) -> None:
        """Put ``key_id`` under ``parent_id``: a mail that joins a case dies with the case."""
        wrapped = _wrap(self.key(connection, parent_id, known), self.key(connection, key_id, known), key_id.encode())
        connection.execute(_ADOPT, {"this": key_id, "parent_id": parent_id, "wrapped": wrapped})

    def destroy(self, connection: Connection, key_id: str) -> int:
        """Delete ``key_id`` and every key below it. Returns how many."""
        children = connection.execute(select(vault_key.c.id).where(vault_key.c.parent_id == key_id)).scalars().all()
        below = sum(self.destroy(connection, child) for child in children)
        return below + connection.execute(delete(vault_key).where(vault_key.c.id == key_id)).rowcount


def seal(key: bytes, row_id: str, value: bytes) -> bytes:
    """``value`` sealed under ``key`` for the row ``row_id``."""
    data_key, about = os.urandom(_KEY), row_id.encode()
    return _VERSION + _wrap(key, data_key, about) + _wrap(data_key, value, about)


def unseal(key: bytes, row_id: str, blob: bytes) -> bytes:
    """The value of a sealed blob; SealBroken if the key, the row or the bytes do not fit."""
    about = row_id.encode()
    if blob[:1] != _VERSION:
        msg = f"row {row_id}: unknown seal version"
        raise SealBroken(msg)
    data_key = _unwrap(key, blob[1 : 1 + _WRAPPED], about)
    return _unwrap(data_key, blob[1 + _WRAPPED :], about)
