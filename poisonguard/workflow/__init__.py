"""The use cases, one function each: what the command line, the web and Airflow call."""
