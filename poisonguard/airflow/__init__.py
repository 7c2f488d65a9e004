"""Airflow provider: operators that scan and gate data before training; needs ``poisonguard[airflow]``."""
