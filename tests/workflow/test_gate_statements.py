"""Opening the statements of a bundle: only lists where lists are asked for, and only those that have a place."""

from dataclasses import replace

from evidence_world import World, revoking_root

from poisonguard.attest.predicates_v1 import RevocationsDocument
from poisonguard.workflow.gate_statements import open_lists, open_placed, place

ROOT = revoking_root()


def world() -> World:
    made = World(root=ROOT).behave()
    made.publish("mallory")
    made.revoke()
    return made


def test_lists_alone_are_opened() -> None:
    opened = open_lists(place(world().bundle(), ROOT), ROOT)
    assert [type(item.document) for item in opened.documents] == [RevocationsDocument]
    assert (opened.unentitled, opened.altered) == ((), ())


def test_everything_is_opened_in_the_order_of_the_log() -> None:
    opened = open_placed(place(world().bundle(), ROOT), ROOT)
    assert [type(item.document).__name__ for item in opened.documents] == [
        "ManifestDocument",
        "ScanDocument",
        "ApprovalDocument",
        "RevocationsDocument",
    ]
    assert len(opened.unentitled) + len(opened.altered) == 1


def test_what_was_altered_hides_nothing_after_it() -> None:
    bundle = world().bundle()
    (signature,) = bundle.statements[0].envelope.signatures
    bad = replace(bundle.statements[0].envelope, signatures=(replace(signature, sig=bytes(len(signature.sig))),))
    altered = replace(bundle, statements=(replace(bundle.statements[0], envelope=bad), *bundle.statements[1:]))
    opened = open_placed(place(altered, ROOT), ROOT)
    assert len(opened.altered) == 1
    assert len(opened.documents) == 3


def test_a_list_without_a_place_is_not_opened() -> None:
    bundle = world().bundle()
    homeless = replace(bundle, statements=(*bundle.statements[:-1], replace(bundle.statements[-1], proof=())))
    placed = place(homeless, ROOT)
    assert list(placed.homeless) == [bundle.statements[-1].envelope.digest]
    assert open_lists(placed, ROOT).documents == ()
