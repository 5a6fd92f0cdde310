# SPDX-License-Identifier: Apache-2.0
"""Access keys: the user's static one, and those that the instance's role hands out and renews."""

import base64
import dataclasses
import secrets

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclasses.dataclass
class Key:
    access_key: str
    secret: str
    token: str | None = None
    issued: float = 0.0
    expires: float | None = None


class KeyRing:
    def __init__(self, settings, clock):
        self._clock = clock
        self._lifetime = settings["role_lifetime_seconds"]
        self._rotate = settings["role_rotate_seconds"]
        static = Key(settings["access_key"], settings["secret_key"], settings["session_token"])
        self._keys = {static.access_key: static}
        self._current = None

    def find(self, access_key):
        return self._keys.get(access_key)

    def role_key(self):
        """What the metadata service hands out now; an older key stays valid until it expires."""
        now = self._clock.now()
        if self._current is None or self._current.expires - now <= self._rotate:
            self._current = self._issue(now)
        return self._current

    def rotate(self):
        self._current = self._issue(self._clock.now())
        return self._current

    def expire(self):
        """Every key of the role expires at once; the next one handed out is new."""
        now = self._clock.now()
        for key in self._keys.values():
            if key.expires is not None:
                key.expires = min(key.expires, now)
        self._current = None

    def _issue(self, now):
        name = "ASIA" + "".join(secrets.choice(ALPHABET) for _ in range(16))
        token = base64.b64encode(secrets.token_bytes(240)).decode()
        secret = base64.b64encode(secrets.token_bytes(30)).decode()
        key = Key(name, secret, token, now, now + self._lifetime)
        self._keys[name] = key
        return key
