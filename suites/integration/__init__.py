"""The running release keeps its contract: health, API, database."""
