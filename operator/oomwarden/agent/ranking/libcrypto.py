"""A key and a self-signed certificate, made by the OpenSSL library that `ssl` itself uses.

Python's `ssl` serves certificates but makes none. Its extension module is linked with libcrypto,
whose functions are found through it: the same library and version, whatever the image. The
functions exist from OpenSSL 1.1.0 to 3.x (OpenSSL man7/ossl-guide-libcrypto-introduction).
"""

import _ssl
import ctypes
import secrets
from typing import NamedTuple

_KEY_EC, _CURVE_P256 = 408, 415
"""EVP_PKEY_EC and NID_X9_62_prime256v1 (OpenSSL include/openssl/obj_mac.h)."""
_SET_CURVE, _FOR_KEYS = 0x1001, 6
"""EVP_PKEY_CTRL_EC_PARAMGEN_CURVE_NID; EVP_PKEY_OP_PARAMGEN | EVP_PKEY_OP_KEYGEN."""
_ASCII = 0x1001
"""MBSTRING_ASC."""
_BIO_INFO = 3
"""BIO_CTRL_INFO: the contents of a memory BIO."""
_VERSION_3 = 2
_DAY = 86400
_BEFORE_SECONDS, _AFTER_SECONDS = -_DAY, 100 * 365 * _DAY
"""A client pins the certificate, so its dates mean nothing; they must only not get in the way."""

_POINTER, _INT, _LONG, _BYTES = ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p
_KEY_OUT = ctypes.POINTER(ctypes.c_void_p)
_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "EVP_PKEY_CTX_new_id": (_POINTER, (_INT, _POINTER)),
    "EVP_PKEY_CTX_free": (None, (_POINTER,)),
    "EVP_PKEY_keygen_init": (_INT, (_POINTER,)),
    "EVP_PKEY_CTX_ctrl": (_INT, (_POINTER, _INT, _INT, _INT, _INT, _POINTER)),
    "EVP_PKEY_keygen": (_INT, (_POINTER, _KEY_OUT)),
    "EVP_PKEY_free": (None, (_POINTER,)),
    "EVP_sha256": (_POINTER, ()),
    "X509_new": (_POINTER, ()),
    "X509_free": (None, (_POINTER,)),
    "X509_set_version": (_INT, (_POINTER, _LONG)),
    "X509_get_serialNumber": (_POINTER, (_POINTER,)),
    "ASN1_INTEGER_set": (_INT, (_POINTER, _LONG)),
    "X509_getm_notBefore": (_POINTER, (_POINTER,)),
    "X509_getm_notAfter": (_POINTER, (_POINTER,)),
    "X509_gmtime_adj": (_POINTER, (_POINTER, _LONG)),
    "X509_get_subject_name": (_POINTER, (_POINTER,)),
    "X509_NAME_add_entry_by_txt": (_INT, (_POINTER, _BYTES, _INT, _BYTES, _INT, _INT, _INT)),
    "X509_set_issuer_name": (_INT, (_POINTER, _POINTER)),
    "X509_set_pubkey": (_INT, (_POINTER, _POINTER)),
    "X509_sign": (_INT, (_POINTER, _POINTER, _POINTER)),
    "BIO_s_mem": (_POINTER, ()),
    "BIO_new": (_POINTER, (_POINTER,)),
    "BIO_ctrl": (_LONG, (_POINTER, _INT, _LONG, _KEY_OUT)),
    "BIO_free": (_INT, (_POINTER,)),
    "PEM_write_bio_X509": (_INT, (_POINTER, _POINTER)),
    "PEM_write_bio_PrivateKey": (_INT, (_POINTER, *[_POINTER] * 3, _INT, *[_POINTER] * 2)),
}


class CertificateError(Exception):
    """The library that `ssl` uses cannot make a certificate."""


class KeyAndCertificate(NamedTuple):
    """Both as PEM."""

    key: bytes
    certificate: bytes


class _LibCrypto:
    """The functions of libcrypto; a result of 0 or NULL becomes an exception."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(getattr(_ssl, "__file__", None))
            self._functions = {name: getattr(library, name) for name in _FUNCTIONS}
        except (OSError, AttributeError) as error:
            raise CertificateError(f"the OpenSSL library cannot be used: {error}") from error
        for name, (result, arguments) in _FUNCTIONS.items():
            self._functions[name].restype = result
            self._functions[name].argtypes = arguments

    def __call__(self, name: str, *arguments: object) -> int:
        result = self._functions[name](*arguments)
        if _FUNCTIONS[name][0] is None:
            return 0
        if not result or result < 0:
            raise CertificateError(f"{name} of the OpenSSL library failed")
        return int(result)


def make_certificate() -> KeyAndCertificate:
    """Make a P-256 key and a certificate that it signs itself.

    Raises:
        CertificateError: The library cannot be used.
    """
    call = _LibCrypto()
    key = _make_key(call)
    try:
        certificate = call("X509_new")
        try:
            _fill(call, certificate, key)
            return KeyAndCertificate(
                _written(call, "PEM_write_bio_PrivateKey", key, None, None, 0, None, None),
                _written(call, "PEM_write_bio_X509", certificate),
            )
        finally:
            call("X509_free", certificate)
    finally:
        call("EVP_PKEY_free", key)


def _make_key(call: _LibCrypto) -> int:
    context = call("EVP_PKEY_CTX_new_id", _KEY_EC, None)
    try:
        key = ctypes.c_void_p()
        call("EVP_PKEY_keygen_init", context)
        call("EVP_PKEY_CTX_ctrl", context, _KEY_EC, _FOR_KEYS, _SET_CURVE, _CURVE_P256, None)
        call("EVP_PKEY_keygen", context, ctypes.byref(key))
        return key.value or 0
    finally:
        call("EVP_PKEY_CTX_free", context)


def _fill(call: _LibCrypto, certificate: int, key: int) -> None:
    call("X509_set_version", certificate, _VERSION_3)
    serial = call("X509_get_serialNumber", certificate)
    call("ASN1_INTEGER_set", serial, 1 + secrets.randbelow(2**31 - 1))
    call("X509_gmtime_adj", call("X509_getm_notBefore", certificate), _BEFORE_SECONDS)
    call("X509_gmtime_adj", call("X509_getm_notAfter", certificate), _AFTER_SECONDS)
    name = call("X509_get_subject_name", certificate)
    call("X509_NAME_add_entry_by_txt", name, b"CN", _ASCII, b"oomwarden-agent", -1, -1, 0)
    call("X509_set_issuer_name", certificate, name)
    call("X509_set_pubkey", certificate, key)
    call("X509_sign", certificate, key, call("EVP_sha256"))


def _written(call: _LibCrypto, function: str, *arguments: object) -> bytes:
    """Return what a function writes to a BIO."""
    memory = call("BIO_new", call("BIO_s_mem"))
    try:
        call(function, memory, *arguments)
        content = ctypes.c_void_p()
        size = call("BIO_ctrl", memory, _BIO_INFO, 0, ctypes.byref(content))
        return ctypes.string_at(content, size)
    finally:
        call("BIO_free", memory)
