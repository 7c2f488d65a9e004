"""Certificate mode: every rule of the path, dates at their very edges, and certificates that are garbage."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from oms_world import CURVES, KEY, NOW, Identity, bundle, chain_material, encoded, identity, statement

from poisonguard.attest.keys import generate
from poisonguard.attest.oms_bundle import OmsBundle, parse_bundle
from poisonguard.attest.oms_certificates import CertificateSigner, load_anchors, verify_with_certificates
from poisonguard.errors import IntegrityError, KeyMaterialError

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


def test_a_path_that_is_too_long_is_refused() -> None:
    issuers = [ROOT]
    for number in range(10):
        issuers.append(identity(f"issuer {number}", issuers[-1], authority=True))
    signer = identity("signer", issuers[-1])
    with pytest.raises(IntegrityError, match="no trusted path"):
        verified(signed(signer, *issuers[:0:-1]))


@pytest.mark.parametrize(("days", "good"), [(-11, False), (-10, True), (0, True), (10, True), (11, False)])
def test_the_certificate_must_be_valid_now(days: int, good: bool) -> None:  # noqa: FBT001 - a column of the table
    long_root = identity("root", authority=True, valid=(-99, 99))
    signer = identity("signer", long_root)
    if good:
        assert verified(signed(signer), long_root, days=days).name == "CN=signer"
    else:
        with pytest.raises(IntegrityError, match="the certificate of CN=signer is valid from 2026-11-12 to 2026-12-02"):
            verified(signed(signer), long_root, days=days)


@pytest.mark.parametrize("valid", [(-20, -1), (1, 20)])
def test_every_issuer_must_be_valid_now(valid: tuple[int, int]) -> None:
    issuer = identity("issuer", ROOT, authority=True, valid=valid)
    with pytest.raises(IntegrityError, match="not valid at validation time"):
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


def test_the_certificate_must_be_meant_for_signing() -> None:
    for usages in ((), ("key_agreement",)):
        with pytest.raises(IntegrityError, match="CN=signer is not meant for signing"):
            verified(signed(identity("signer", ISSUER, usages=usages), ISSUER))
        by_extension = identity("signer", ISSUER, usages=usages, code_signing=True)
        assert verified(signed(by_extension, ISSUER)).name == "CN=signer"


def test_a_signer_that_is_an_authority_may_sign_as_model_signings_own_examples_do() -> None:
    signer = identity("issuer", ISSUER, authority=True, usages=("digital_signature",), code_signing=True)
    assert verified(signed(signer, ISSUER)).name == "CN=issuer"


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    with pytest.raises(IntegrityError, match="no trusted path"):
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
    for key in (secret.public_key(), curve.public_key()):
        builder = x509.CertificateBuilder().subject_name(SIGNER.certificate.subject).public_key(key)
        builder = builder.issuer_name(ISSUER.certificate.subject).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
        usage = SIGNER.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        issuing = ISSUER.key.handle
        assert isinstance(issuing, ec.EllipticCurvePrivateKey)
        odd = Identity(builder.add_extension(usage, critical=True).sign(issuing, hashes.SHA256()), KEY)
        with pytest.raises(IntegrityError):
            verified(signed(odd, ISSUER))


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
    with pytest.raises(KeyMaterialError, match=r"CA\.pem: CN=signer is no certificate authority"):
        load_anchors(SIGNER.pem, where="CA.pem")
    assert load_anchors(SIGNER.pem + ROOT.pem, where="CA.pem") == (ROOT.certificate,)
