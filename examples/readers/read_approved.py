"""Other readers of approved bytes: polars and Hugging Face datasets. Copy what you need."""

import datasets
import polars as pl

import poisonguard as pg


def polars_file(path: str, data: str, **evidence: str) -> pl.DataFrame:
    """Hand polars the checked bytes of one file: ``pl.read_csv`` and ``pl.read_ndjson`` take them as well."""
    return pl.read_parquet(pg.filesystem(data, **evidence).cat_file(path))


def polars_lazy(data: str, **evidence: str) -> pl.LazyFrame:
    """The whole version, lazily; columns and filters are pushed down to what is read."""
    return pl.scan_pyarrow_dataset(pg.open_dataset(data, **evidence).dataset())


def hugging_face_stream(path: str, data: str, **evidence: str) -> datasets.IterableDataset:
    """Rows as they are asked for, each checked as it is read, nothing kept on disk."""
    return datasets.load_dataset(
        "parquet",
        data_files=f"poisonguard://{path}",
        storage_options={"poisonguard": {"data": data, **evidence}},
        split="train",
        streaming=True,
    )


def hugging_face_cached(path: str, cache: str, data: str, **evidence: str) -> datasets.Dataset:
    """A copy in a cache, checked when it is copied; ``use_etag`` keeps copies of other versions apart."""
    options = {"poisonguard": {"data": data, **evidence}}
    return datasets.load_dataset(
        "parquet",
        data_files=f"poisonguard://{path}",
        storage_options=options,
        download_config=datasets.DownloadConfig(f"{cache}/downloads", use_etag=True, storage_options=options),
        split="train",
        cache_dir=cache,
    )


def hugging_face_in_memory(data: str, **evidence: str) -> datasets.Dataset:
    """The whole version as one dataset in memory."""
    return datasets.Dataset(pg.open_dataset(data, **evidence).to_table())
