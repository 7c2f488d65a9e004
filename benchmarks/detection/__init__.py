"""How much real poison is found, and how quiet clean data stay: real data sets, published attacks, peers.

python -m benchmarks.detection list
python -m benchmarks.detection run --split tuning --only text/ --ours-only
python -m benchmarks.detection run --split tuning --every --only tabular/ +ref --ours-only
python -m benchmarks.detection peers --split reporting
python -m benchmarks.detection report --split reporting --markdown docs/benchmarks.md
python -m benchmarks.detection timing

PG-LABEL-003 needs a model. MiniLM comes from PyPI (90 MB); ``run --embeddings MODEL`` takes any other:

python -m benchmarks.detection meaning
"""
