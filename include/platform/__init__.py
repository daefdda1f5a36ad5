"""Starting, stopping and describing an installation: PostgreSQL, its roles and migrations, Airflow."""


class PlatformError(RuntimeError):
    """Something a person has to change; the message says what, and the command line prints nothing else."""
