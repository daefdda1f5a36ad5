"""People decide about blocks: one question per check that blocks a service date, in Airflow's own page.

A block is asked about once. The answer goes to the ledger as soon as it is given, with who gave it, why, and until when. An
override needs a second person, and then re-opens its date; whatever else blocks it still does. There is no time-out and no default: without an answer the date
stays blocked, until the missing or corrected file arrives and the date is judged again by itself. The question then stays open,
and its answer changes nothing.
"""

from airflow.sdk import Param, dag, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from include.decisions.overrides import LEAVE_BLOCKED, OVERRIDE
from include.decisions.signatures import CONFIRM, REFUSE
from include.pipeline.alerting import tried_and_told
from include.pipeline.assets import DAY_REOPENED, GATES, when_all_of
from include.pipeline.questions import Question


@dag(
    schedule=when_all_of(GATES),
    max_active_runs=1000,  # a run stays open until its last question is answered
    catchup=False,
    **tried_and_told(each=True),  # what people answered in one run is recorded by no other
    doc_md=__doc__,
    tags=["decisions"],
)
def review_blocks():
    @task
    def open_blocks(dag_run=None) -> list[dict]:
        from include import stages

        return stages.open_blocks(dag_run.run_id)

    @task_group
    def block(case_id: str, subject: str, body: str, second: str):
        decide = Question(
            task_id="decide",
            subject=subject,
            body=body,
            options=[OVERRIDE, LEAVE_BLOCKED],
            comment="Why: needed for either answer",
            fields={"until": Param("", type="string", description="When an override ends, in UTC, as 2026-12-01T18:00, at most 30 days ahead; empty: in 7 days")},
        )

        @task(multiple_outputs=True)
        def record(case_id: str, answer: dict) -> dict:
            from include import stages

            wanted = stages.record_block_answer(case_id, answer)
            if wanted is None:
                raise AirflowSkipException("nothing changed: nobody else is asked")
            return wanted

        recorded = record(case_id, decide.output)
        confirm = Question(
            task_id="confirm",
            subject=second,
            body=recorded["body"],
            options=[CONFIRM, REFUSE],
            comment="Why: needed for either answer",
            other_than=recorded["first"],
        )

        @task
        def record_confirmation(case_id: str, answer: dict) -> str | None:
            from include import stages

            return stages.record_confirmation(case_id, answer)

        @task(outlets=[DAY_REOPENED], pool="publish")
        def reopen(day: str | None, outlet_events=None) -> None:
            if day is None:
                raise AirflowSkipException("nothing changed: the date is not built again")
            outlet_events[DAY_REOPENED].extra = {"why": "override"}
            outlet_events[DAY_REOPENED].add_partitions(day)

        reopen(record_confirmation(case_id, confirm.output))

    block.expand_kwargs(open_blocks())


review_blocks()
