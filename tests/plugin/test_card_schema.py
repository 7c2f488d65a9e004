"""The JSON schemas beside the cards are those of the models that read them; every card and pack obeys them."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from poisonguard.plugin.card import Card, Pack, checks_folder

SCHEMAS: dict[str, type[BaseModel]] = {"card": Card, "pack": Pack}


def schema_text(model: type[BaseModel]) -> str:
    return json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"


def schema_path(name: str) -> Path:
    return checks_folder() / "schema" / f"{name}.schema.json"


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_current(name: str) -> None:
    assert schema_path(name).read_text(encoding="utf-8") == schema_text(SCHEMAS[name]), (
        f"write {name}.schema.json anew with: .venv/bin/python tests/plugin/test_card_schema.py"
    )


@pytest.mark.parametrize(("name", "folder"), [("card", "cards"), ("pack", "packs")])
def test_every_document_obeys_its_schema(name: str, folder: str) -> None:
    schema = json.loads(schema_path(name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    paths = sorted((checks_folder() / folder).glob("*.yaml"))
    assert paths
    for path in paths:
        jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)


def test_a_card_without_blind_spots_is_refused() -> None:
    document = yaml.safe_load((checks_folder() / "cards" / "PG-TEXT-001.yaml").read_text(encoding="utf-8"))
    document["blind_spots"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(schema_text(Card)))


if __name__ == "__main__":
    for title, kind in SCHEMAS.items():
        schema_path(title).write_text(schema_text(kind), encoding="utf-8")
