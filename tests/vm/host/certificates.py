"""Certificates for mutual TLS, by OpenSSL: an authority, a server's, those of two clients, and a client's that has expired."""

from host.failure import run

DAYS = 30


def write_certificates(directory, server_name):
    """Makes DIRECTORY/{ca,tls,client,attacker,expired}.{crt,key}: the files of a Kubernetes TLS Secret, and those of its clients."""
    directory.mkdir(parents=True)
    run(["openssl", "req", "-x509", *_new_key(directory, "ca"), "-out", directory / "ca.crt", "-subj", "/CN=authority",
         "-days", str(DAYS)])
    _sign(directory, "tls", DAYS, f"subjectAltName=DNS:{server_name}")
    _sign(directory, "client", DAYS)
    _sign(directory, "attacker", DAYS)
    _sign(directory, "expired", -1)


def _new_key(directory, name):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / f"{name}.key"]


def _sign(directory, name, days, extension=""):
    request, extensions = directory / "request", directory / "extensions"
    extensions.write_text(extension + "\n")
    run(["openssl", "req", *_new_key(directory, name), "-out", request, "-subj", f"/CN={name}"])
    run(["openssl", "x509", "-req", "-in", request, "-CA", directory / "ca.crt", "-CAkey", directory / "ca.key",
         "-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", directory / f"{name}.crt"])
    request.unlink()
    extensions.unlink()
