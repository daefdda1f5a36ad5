"""The task that ends every DAG in which people order something, and that is all of `deliver_actions`."""

from __future__ import annotations

from airflow.sdk import task


@task
def deliver() -> None:
    """Deliver every order that is not delivered yet."""
    from include import stages

    stages.deliver_actions()
