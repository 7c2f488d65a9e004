"""Certificate mode: every rule of the path, dates at their very edges, and certificates that are garbage."""

import re
import warnings
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from oms_world import CURVES, KEY, KEYS, NOW, Identity, bundle, chain_material, encoded, identity, statement

from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.oms_bundle import OmsBundle, parse_bundle
from poisonguard.attest.oms_certificates import CertificateSigner, load_anchors, verify_with_certificates
from poisonguard.errors import IntegrityError, KeyMaterialError
from poisonguard.workflow import oms as workflow

FILES = {"a": b"1"}
ROOT = identity("root", authority=True)
ISSUER = identity("issuer", ROOT, authority=True)
SIGNER = identity("signer", ISSUER)


def signed(who: Identity, *others: Identity) -> OmsBundle:
    material = chain_material(who.der, *(other.der for other in others))
    return parse_bundle(encoded(bundle(statement(FILES), who.key, material)))


def verified(parsed: OmsBundle, *anchors: Identity, days: int = 0) -> CertificateSigner:
    trusted = [anchor.certificate for anchor in anchors or (ROOT,)]
    return verify_with_certificates(parsed, trusted, NOW + timedelta(days=days))


def certified(subject: x509.Name, key: CertificatePublicKeyTypes) -> x509.Certificate:
    """A certificate by the issuer, whatever the name and the key are."""
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key)
    builder = builder.issuer_name(ISSUER.certificate.subject).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    usage = SIGNER.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    issuing = ISSUER.key.handle
    assert isinstance(issuing, ec.EllipticCurvePrivateKey)
    return builder.add_extension(usage, critical=True).sign(issuing, hashes.SHA256())


def resigned(who: Identity, issuer: Identity, signed_part: bytes) -> Identity:
    """A certificate of the same length but with other content, which its issuer did sign."""
    signature = issuer.key.sign(signed_part)
    ecdsa_with_sha256 = bytes.fromhex("300a06082a8648ce3d040302")
    content = signed_part + ecdsa_with_sha256 + bytes([3, len(signature) + 1, 0]) + signature
    with warnings.catch_warnings(action="ignore"):  # of a serial number that is odd
        return Identity(x509.load_der_x509_certificate(b"\x30\x82" + len(content).to_bytes(2) + content), who.key)


@pytest.mark.parametrize("curve", CURVES)
def test_a_path_to_a_trusted_root_is_accepted(curve: str) -> None:
    root = identity("root", authority=True, curve=curve)
    issuer = identity("issuer", root, authority=True, curve=curve)
    signer = identity("signer", issuer, curve=curve)
    found = verified(signed(signer, issuer), root)
    assert (found.name, found.issuer, found.key) == ("CN=signer", "CN=issuer", signer.key.public)
    assert found.until == NOW + timedelta(days=10)
    assert verified(signed(signer, issuer, root), root) == found
    assert verified(signed(signer), issuer) == found


def test_nothing_that_the_bundle_brings_is_trusted() -> None:
    other = identity("root", authority=True)
    with pytest.raises(IntegrityError, match="no trusted path leads to the certificate of CN=signer"):
        verified(signed(SIGNER, ISSUER, ROOT), other)


def test_a_missing_link_is_refused() -> None:
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(SIGNER))


@pytest.mark.parametrize(("between", "good"), [(8, True), (9, False)])
def test_a_path_that_is_too_long_is_refused(*, between: int, good: bool) -> None:
    issuers = [ROOT]
    for number in range(between):
        issuers.append(identity(f"issuer {number}", issuers[-1], authority=True))
    parsed = signed(identity("signer", issuers[-1]), *issuers[:0:-1])
    if good:
        assert verified(parsed).issuer == "CN=issuer 7"
    else:
        with pytest.raises(IntegrityError, match="no trusted path"):
            verified(parsed)


@pytest.mark.parametrize(("days", "seconds", "good"), [(-10, -1, False), (-10, 0, True), (10, 0, True), (10, 1, False)])
@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_the_certificate_must_be_valid_now(*, days: int, seconds: int, good: bool, hours: int) -> None:
    long_root = identity("root", authority=True, valid=(-99, 99))
    parsed, trusted = signed(identity("signer", long_root)), [long_root.certificate]
    now = (NOW + timedelta(days=days, seconds=seconds)).astimezone(timezone(timedelta(hours=hours)))
    if good:
        assert verify_with_certificates(parsed, trusted, now).name == "CN=signer"
    else:
        with pytest.raises(
            IntegrityError,
            match=r"^OMS bundle: the certificate of CN=signer is valid from 2026-11-12 to 2026-12-02 only$",
        ) as caught:
            verify_with_certificates(parsed, trusted, now)
        assert "has not expired" in caught.value.hint


@pytest.mark.parametrize(("days", "seconds", "good"), [(-10, -1, False), (-10, 0, True), (10, 0, True), (10, 1, False)])
@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_an_issuer_must_be_valid_now(*, days: int, seconds: int, good: bool, hours: int) -> None:
    issuer = identity("issuer", identity("root", authority=True, valid=(-99, 99)), authority=True)
    parsed = signed(identity("signer", issuer, valid=(-99, 99)))
    now = (NOW + timedelta(days=days, seconds=seconds)).astimezone(timezone(timedelta(hours=hours)))
    if good:
        assert verify_with_certificates(parsed, [issuer.certificate], now).name == "CN=signer"
    else:
        with pytest.raises(IntegrityError, match="not valid at validation time"):
            verify_with_certificates(parsed, [issuer.certificate], now)


@pytest.mark.parametrize("valid", [(-20, -1), (1, 20)])
def test_every_issuer_must_be_valid_now(valid: tuple[int, int]) -> None:
    issuer = identity("issuer", ROOT, authority=True, valid=valid)
    why = "OMS bundle: no trusted path leads to the certificate of CN=signer: cert is not valid at validation time"
    with pytest.raises(IntegrityError, match=f"^{why}$"):
        verified(signed(identity("signer", issuer), issuer))
    root = identity("root", authority=True, valid=valid)
    with pytest.raises(IntegrityError, match="not valid at validation time"):
        verified(signed(identity("signer", root)), root)


def test_an_issuer_must_be_an_authority() -> None:
    for authority in (False, None):
        issuer = identity("issuer", ROOT, authority=authority, usages=("key_cert_sign",))
        with pytest.raises(IntegrityError, match="no trusted path"):
            verified(signed(identity("signer", issuer), issuer))


def test_an_issuer_must_be_allowed_to_issue() -> None:
    issuer = identity("issuer", ROOT, authority=True, usages=("digital_signature",))
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(identity("signer", issuer), issuer))
    silent = identity("issuer", ROOT, authority=True, usages=())
    assert verified(signed(identity("signer", silent), silent)).name == "CN=signer"


def test_the_path_length_of_an_issuer_holds() -> None:
    root = identity("root", authority=True, path_length=0)
    issuer = identity("issuer", root, authority=True)
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(identity("signer", issuer), issuer), root)
    assert verified(signed(identity("signer", root)), root).name == "CN=signer"


def test_the_issuers_signature_counts_and_not_its_name() -> None:
    forged = identity("signer", identity("issuer", authority=True))
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(forged, ISSUER))
    renamed = identity("signer", ISSUER, issuer_name="somebody")
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(renamed, ISSUER))


def purposes(*purposes: x509.ObjectIdentifier) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    return ((x509.ExtendedKeyUsage(purposes), False),) if purposes else ()


CODE, ANY, WEB = (
    ExtendedKeyUsageOID.CODE_SIGNING,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    ExtendedKeyUsageOID.SERVER_AUTH,
)


@pytest.mark.parametrize(
    ("usages", "extended", "good"),
    [
        (("digital_signature",), (), True),
        (("digital_signature", "key_agreement"), (CODE,), True),
        (("digital_signature",), (WEB, CODE), True),
        (("digital_signature",), (ANY,), True),
        ((), (CODE,), True),
        ((), (ANY,), True),
        (("digital_signature",), (WEB,), False),
        (("key_agreement",), (), False),
        (("key_agreement",), (CODE,), False),
        (("key_agreement",), (ANY,), False),
        ((), (WEB,), False),
        ((), (), False),
    ],
)
def test_the_certificate_must_be_meant_for_signing_in_all_that_it_says(
    *, usages: tuple[str, ...], extended: tuple[x509.ObjectIdentifier, ...], good: bool
) -> None:
    parsed = signed(identity("signer", ISSUER, usages=usages, extra=purposes(*extended)), ISSUER)
    if good:
        assert verified(parsed).name == "CN=signer"
    else:
        with pytest.raises(IntegrityError, match="CN=signer is not meant for signing"):
            verified(parsed)


@pytest.mark.parametrize(("extended", "good"), [((CODE,), True), ((WEB, ANY), True), ((), True), ((WEB,), False)])
def test_an_issuer_of_web_servers_certificates_does_not_vouch_for_signers(
    *, extended: tuple[x509.ObjectIdentifier, ...], good: bool
) -> None:
    root = identity("root", authority=True, extra=purposes(*extended))
    issuer = identity("issuer", ROOT, authority=True, extra=purposes(*extended))
    for parsed, trusted in (
        (signed(identity("signer", root)), root),
        (signed(identity("signer", issuer), issuer), ROOT),
    ):
        if good:
            assert verified(parsed, trusted).name == "CN=signer"
        else:
            with pytest.raises(IntegrityError, match="no trusted path"):
                verified(parsed, trusted)


def test_a_signer_that_is_an_authority_may_sign_as_model_signings_own_examples_do() -> None:
    signer = identity("issuer", ISSUER, authority=True, usages=("digital_signature",), code_signing=True)
    assert verified(signed(signer, ISSUER)).name == "CN=issuer"


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    why = r"CN=signer: invalid extension: 1\.2\.3\.4: certificate contains unaccounted-for critical extensions$"
    with pytest.raises(IntegrityError, match=why):
        verified(signed(identity("signer", ISSUER, extra=((strange, True),)), ISSUER))
    assert verified(signed(identity("signer", ISSUER, extra=((strange, False),)), ISSUER)).name == "CN=signer"
    issuer = identity("issuer", ROOT, authority=True, extra=((strange, True),))
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(identity("signer", issuer), issuer))


def test_name_constraints_of_an_issuer_hold() -> None:
    def named(name: str) -> tuple[x509.ExtensionType, bool]:
        return x509.SubjectAlternativeName([x509.DNSName(name)]), False

    constraints = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.org")], excluded_subtrees=None)
    issuer = identity("issuer", ROOT, authority=True, extra=((constraints, True),))
    inside = identity("signer", issuer, extra=(named("data.example.org"),))
    outside = identity("signer", issuer, extra=(named("data.example.com"),))
    assert verified(signed(inside, issuer)).name == "CN=signer"
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(outside, issuer))


def test_the_signature_must_be_the_certificates() -> None:
    material = chain_material(SIGNER.der, ISSUER.der)
    with pytest.raises(IntegrityError, match="the signature is not that of key"):
        verified(parse_bundle(encoded(bundle(statement(FILES), generate(), material))))


def test_a_key_that_oms_does_not_know_is_refused() -> None:
    secret = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256K1())
    edwards = KEYS[Algorithm.ED25519]
    assert isinstance(edwards.public.handle, ed25519.Ed25519PublicKey)
    for key in (secret.public_key(), curve.public_key(), edwards.public.handle):
        odd = Identity(certified(SIGNER.certificate.subject, key), edwards)
        with pytest.raises(IntegrityError, match="the key of CN=signer is of a kind that OMS does not know"):
            verified(signed(odd, ISSUER))
    kind, tomorrows = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0207")
    odd = resigned(SIGNER, ISSUER, SIGNER.certificate.tbs_certificate_bytes.replace(kind, tomorrows))
    with pytest.raises(IntegrityError, match="the key of CN=signer is of a kind that OMS does not know"):
        verified(signed(odd, ISSUER))


def test_names_are_bounded_and_may_be_empty() -> None:
    key = SIGNER.key.public.handle
    assert isinstance(key, ec.EllipticCurvePublicKey)
    nobody = Identity(certified(x509.Name([]), key), SIGNER.key)
    assert verified(signed(nobody, ISSUER)).name == "nobody"
    long = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, letter * 60) for letter in "abcd"])
    found = verified(signed(Identity(certified(long, key), SIGNER.key), ISSUER))
    assert found.name == long.rfc4514_string()[:200]


def test_dates_that_make_no_sense_are_refused() -> None:
    """``cryptography`` reads them when it is asked, and not before."""
    late = identity("signer", ISSUER, valid=(-10, 20_000))
    signed_part = late.certificate.tbs_certificate_bytes
    year_0 = re.sub(rb"\d{14}Z", b"00000101000000Z", signed_part)
    signed_part = SIGNER.certificate.tbs_certificate_bytes
    begins, ends = re.findall(rb"\x17\r(\d{12}Z)", signed_part)
    # A mark of one byte would stand somewhere in every fourth key or serial number, too.
    backwards = signed_part.replace(begins, b"first date").replace(ends, begins).replace(b"first date", ends)
    for part in (year_0, backwards):
        with pytest.raises(IntegrityError, match=r"^OMS bundle: a certificate in it cannot be read$"):
            verified(signed(resigned(SIGNER, ISSUER, part), ISSUER))
    moment = resigned(SIGNER, ISSUER, signed_part.replace(ends, begins))
    assert verified(signed(moment), ISSUER, days=-10).name == "CN=signer"


def test_bundles_in_other_modes_are_refused_with_what_to_do() -> None:
    with pytest.raises(IntegrityError, match="signed in key mode") as refused:
        verified(parse_bundle(encoded(bundle(statement(FILES)))))
    assert "--public-key" in refused.value.hint


@settings(max_examples=300)
@given(data=st.data())
def test_garbage_in_a_certificate_is_refused_and_never_breaks_us(data: st.DataObject) -> None:
    der = bytearray(SIGNER.der)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(der) - 1))
        der[position] ^= data.draw(st.integers(1, 255))
    if bytes(der) == SIGNER.der:
        return
    material = chain_material(bytes(der), ISSUER.der)
    parsed = parse_bundle(encoded(bundle(statement(FILES), SIGNER.key, material)))
    with pytest.raises(IntegrityError):
        verified(parsed)


@settings(max_examples=300)
@given(data=st.data())
def test_garbage_that_its_issuer_signed_never_breaks_us(data: st.DataObject) -> None:
    part = bytearray(SIGNER.certificate.tbs_certificate_bytes)
    for _ in range(data.draw(st.integers(1, 3))):
        part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        odd = resigned(SIGNER, ISSUER, bytes(part))
    except (ValueError, x509.InvalidVersion):
        return
    try:
        assert verified(signed(odd, ISSUER)).key == SIGNER.key.public
    except IntegrityError as error:
        assert error.message.startswith("OMS bundle: ")  # noqa: PT017 - either way is right


def test_every_bit_flip_of_a_certificate_is_refused() -> None:
    document = bundle(statement(FILES), SIGNER.key, chain_material(SIGNER.der, ISSUER.der))
    for place in range(2):
        original = (SIGNER.der, ISSUER.der)[place]
        for position in range(len(original)):
            der = bytearray(original)
            der[position] ^= 1 << (position % 8)
            chain = [SIGNER.der, ISSUER.der]
            chain[place] = bytes(der)
            with pytest.raises(IntegrityError):
                verified(parse_bundle(encoded(document | {"verificationMaterial": chain_material(*chain)})))


def test_bits_that_the_signature_of_a_certificate_does_not_use_are_refused() -> None:
    """OpenSSL ignores how many bits of the signature are said to be unused, when these are zero."""
    signer = SIGNER
    while signer.certificate.signature[-1] & 1:
        signer = identity("signer", ISSUER)
    der = bytearray(signer.der)
    place = len(der) - len(signer.certificate.signature) - 1
    assert der[place] == 0
    assert verified(signed(signer, ISSUER)).name == "CN=signer"
    der[place] = 1
    document = bundle(statement(FILES), signer.key, chain_material(bytes(der), ISSUER.der))
    with pytest.raises(IntegrityError, match="not in DER"):
        verified(parse_bundle(encoded(document)))


def test_anchors_are_authorities_in_pem() -> None:
    assert load_anchors(ROOT.pem + ISSUER.pem, where="CA.pem") == (ROOT.certificate, ISSUER.certificate)
    for data in (b"", b"no PEM", KEY.public.pem.encode()):
        with pytest.raises(KeyMaterialError, match=r"CA\.pem holds no certificate"):
            load_anchors(data, where="CA.pem")
    for leaf in (SIGNER, identity("signer", authority=None)):
        with pytest.raises(KeyMaterialError, match=r"CA\.pem: CN=signer is no certificate authority"):
            load_anchors(leaf.pem, where="CA.pem")
    assert load_anchors(SIGNER.pem + ROOT.pem, where="CA.pem") == (ROOT.certificate,)


def test_four_megabytes_of_anchors_are_read(tmp_path: Path) -> None:
    """The certificates that a browser trusts are a quarter of a megabyte."""
    path = tmp_path / "CA.pem"
    path.write_bytes(ROOT.pem + b"#" * (4 * 1024 * 1024 - len(ROOT.pem)))
    assert workflow._anchors(path) == (ROOT.certificate,)
    with path.open("ab") as stream:
        stream.write(b"#")
    with pytest.raises(IntegrityError, match=r"CA\.pem is larger than 4194304 bytes"):
        workflow._anchors(path)
