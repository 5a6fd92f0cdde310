# SPDX-License-Identifier: Apache-2.0
"""A certificate authority and its server certificates, made with the openssl command."""

import pathlib
import ssl
import subprocess

DAYS = "30"


class Authority:
    def __init__(self, directory, name):
        self._directory = pathlib.Path(directory)
        self._key = self._directory / f"{name}-key.pem"
        self.certificate = self._directory / f"{name}.pem"
        _openssl("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.certificate,
                 "-days", DAYS, "-subj", f"/CN={name}",
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def server_context(self, name, names):
        """A context that shows a certificate for `names`, as "DNS:..." and "IP:..."."""
        key, request, certificate, extensions = (
            self._directory / f"{name}{tail}" for tail in ("-key.pem", ".csr", ".pem", ".ext"))
        extensions.write_text(f"subjectAltName={','.join(names)}\nextendedKeyUsage=serverAuth\n")
        _openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                 "-CAcreateserial", "-days", DAYS, "-extfile", extensions, "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
