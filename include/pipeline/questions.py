"""Questions to people, in Airflow's own page: asked of compliance users by name, and asked again until the answer says why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param

COMPLIANCE = os.environ["TOLLGATE_COMPLIANCE_USERS"].split(",")


def asked_by(dag_run: Any) -> str:
    """The compliance user who started a run. PermissionError for one that anybody else started, or nobody."""
    user = dag_run.triggering_user_name
    if user not in COMPLIANCE:
        raise PermissionError(f"{user or 'nobody'} started this run; only {', '.join(COMPLIANCE)} may (TOLLGATE_COMPLIANCE_USERS)")
    return user


class Question(HITLOperator):
    """A question without a time-out and without a default. `comment` tells what to write, `fields` are others of the form; who is `other_than` may not answer.

    Airflow's page asks for a comment; its API takes an answer without one, which is thrown away here. `params`, the form by which the
    DAG was started, is given by Airflow and no part of the question.
    """

    template_fields: Sequence[str] = (*HITLOperator.template_fields, "other_than")

    def __init__(self, *, comment: str, other_than: str = "", fields: dict[str, Param] | None = None, params: Any = None, **kwargs: Any):
        super().__init__(
            assigned_users=[{"id": user, "name": user} for user in COMPLIANCE],
            params={"comment": Param("", type="string", description=comment)} | (fields or {}),
            **{"map_index_template": "{{ task.subject }}"} | kwargs,
        )
        self.other_than = other_than

    def execute(self, context: Any) -> Any:
        self.assigned_users = [user for user in self.assigned_users if user["id"] != self.other_than]
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        if not str((event["params_input"] or {}).get("comment") or "").strip():
            self.log.warning("the answer of %s says nothing: asked again", event["responded_by_user"]["name"])
            return self.execute(context)
        return super().execute_complete(context, event)
