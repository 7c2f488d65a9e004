"""Certificate mode of OpenSSF Model Signing: whose certificate signed the bundle, and is it good now?

Rules (``spec/v1.0.md`` §8.2, RFC 5280 as ``cryptography.x509.verification`` implements it):

1. A path leads from the first certificate of the bundle over its others to one that the reader trusts; nothing
   that the bundle itself brings is trusted.
2. Every certificate of the path is within its validity, **now**: a bundle holds no time that anybody vouches for.
   (``model_signing`` checks at the moment the signer's certificate began, so it accepts expired ones.)
3. An issuer is a certificate authority (basic constraints), within its path length; where it has a key usage, that
   lets it sign certificates; where it has an extended key usage, that names code signing or any purpose.
4. The signer's certificate says what it is for, and signing is in all that it says (RFC 5280 §4.2.1.12): its key
   usage is ``digitalSignature`` among others, its extended key usage code signing or any; one of them is there.
   (``model_signing`` takes either for both, so a web server's certificate signs models.)
5. The signer's key is of a kind that OMS knows; the signature on the bundle is this key's.

Revocation lists are not asked: the gate's own revocations are for that.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from poisonguard.attest.keys import PublicKey, public_key
from poisonguard.attest.oms_bundle import CertificateMaterial, OmsBundle, check_key, other_mode, verify_signature
from poisonguard.errors import IntegrityError, KeyMaterialError

MAX_ISSUERS = 8
"""Certificates between the signer's and the trusted one."""
MAX_ANCHOR_BYTES = 4 * 1024 * 1024
WHAT = "OMS bundle"

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)
_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What ``cryptography`` raises for a certificate that is not what it should be."""
_PURPOSES = frozenset({ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


@dataclass(frozen=True, slots=True)
class CertificateSigner:
    """Who signed a bundle in certificate mode.

    Attributes:
        name: Subject of the certificate (RFC 4514).
        issuer: Subject of the one that issued it.
        until: When it expires.
        key: Its key.
    """

    name: str
    issuer: str
    until: datetime
    key: PublicKey


def load_anchors(data: bytes, *, where: str) -> tuple[x509.Certificate, ...]:
    """The certificate authorities in a PEM file, to be trusted; ``where`` names it in errors.

    Other certificates in it are not: nobody can lead to them.

    Raises:
        KeyMaterialError: It holds no certificate, or no certificate authority's.
    """
    try:
        with _quietly():
            found = tuple(map(_parsed, x509.load_pem_x509_certificates(data)))
    except _MALFORMED as error:
        raise KeyMaterialError(f"{where} holds no certificate", hint="Give certificates in PEM.") from error
    authorities = tuple(filter(_is_authority, found))
    if not authorities:
        raise KeyMaterialError(
            f"{where}: {_name(found[0].subject)} is no certificate authority",
            hint="Give the root certificate, or the issuing one.",
        )
    return authorities


def verify_with_certificates(
    bundle: OmsBundle, anchors: Sequence[x509.Certificate], now: datetime
) -> CertificateSigner:
    """Check that somebody whom ``anchors`` vouch for signed the bundle; who it was.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    if not isinstance(bundle.material, CertificateMaterial):
        raise other_mode(bundle, "certificate")
    leaf, *others = (_load(der) for der in bundle.material.chain)
    _check_usage(leaf)
    _check_path(leaf, others, anchors, now)
    key = _key_of(leaf)
    verify_signature(bundle, key)
    return CertificateSigner(_name(leaf.subject), _name(leaf.issuer), leaf.not_valid_after_utc, key)


def _check_path(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], now: datetime
) -> None:
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise _refused(
            f"the certificate of {_name(leaf.subject)} is valid from {leaf.not_valid_before_utc:%Y-%m-%d} "
            f"to {leaf.not_valid_after_utc:%Y-%m-%d} only",
            hint="Ask for a signature with a certificate that has not expired.",
        )
    verifier = (
        PolicyBuilder()
        .store(Store(list(anchors)))
        .time(now)
        .max_chain_depth(MAX_ISSUERS)
        .extension_policies(ca_policy=_ISSUERS, ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, list(others))
    except VerificationError as error:
        reason = str(error).partition(" (encountered")[0]
        for preamble in ("validation failed: ", "candidates exhausted: "):
            reason = reason.removeprefix(preamble)
        raise _refused(
            f"no trusted path leads to the certificate of {_name(leaf.subject)}: {reason}",
            hint="Give the root certificate that you trust with --certificate-chain.",
        ) from error


def _may_issue(_policy: Policy, _issuer: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an issuer's key usage does not let it sign certificates")


def _may_issue_for_code(_policy: Policy, _issuer: x509.Certificate, extended: x509.ExtendedKeyUsage | None) -> None:
    if not _is_for_code(extended):
        raise ValueError("an issuer's extended key usage does not name code signing")


def _is_for_code(extended: x509.ExtendedKeyUsage | None) -> bool:
    """Whether code signing is among the purposes; it is where none is named."""
    return extended is None or not _PURPOSES.isdisjoint(extended)


_ISSUERS = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_issue)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_issue_for_code)
)


def _check_usage(leaf: x509.Certificate) -> None:
    usage = _extension(leaf, x509.KeyUsage)
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    silent = usage is None and extended is None
    signs = usage is None or usage.digital_signature
    if silent or not signs or not _is_for_code(extended):
        raise _refused(f"the certificate of {_name(leaf.subject)} is not meant for signing")


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(certificate: x509.Certificate, kind: type[ExtensionT]) -> ExtensionT | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _load(der: bytes) -> x509.Certificate:
    try:
        with _quietly():
            certificate = _parsed(x509.load_der_x509_certificate(der))
    except _MALFORMED as error:
        raise _refused("a certificate in it cannot be read") from error
    # The signature is a BIT STRING, whose first byte says how many bits are not used: OpenSSL would take any.
    if not der.endswith(b"\0" + certificate.signature):
        raise _refused("a certificate in it is not in DER")
    return certificate


def _quietly() -> warnings.catch_warnings[None]:
    """Odd serial numbers and the like, which ``cryptography`` warns of, do not matter here; old roots have them."""
    return warnings.catch_warnings(action="ignore")


def _parsed(certificate: x509.Certificate) -> x509.Certificate:
    """The certificate, once all that we ask it for has been parsed: ``cryptography`` parses when it is asked.

    But for the issuer's name, which is the subject of another one by the time that it is asked for.
    """
    certificate.subject.rfc4514_string()
    if certificate.extensions and certificate.not_valid_before_utc > certificate.not_valid_after_utc:
        raise ValueError("it ends before it begins")
    return certificate


def _key_of(leaf: x509.Certificate) -> PublicKey:
    try:
        key = public_key(leaf.public_key())
        check_key(key)
    except (KeyMaterialError, *_MALFORMED) as error:
        raise _refused(f"the key of {_name(leaf.subject)} is of a kind that OMS does not know") from error
    return key


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()[:200] or "nobody"


def _refused(problem: str, *, hint: str = "The bundle is not trusted.") -> IntegrityError:
    return IntegrityError(f"{WHAT}: {problem}", hint=hint)
