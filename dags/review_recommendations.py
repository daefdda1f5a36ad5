"""People decide: one review per new SUSPEND or RESTRICT case of a service date, one for the rest of the date; and they answer notices.

A case is asked once, on the day its verdict first stands. The answer goes to the ledger as soon as it is given,
with who gave it and when; from an approval follows an order. There is no time-out and no default: an unanswered case stays open. Of every traceback notice a
person says that its requester was answered, and then what was done about the caller.
"""

from airflow.sdk import dag, task, task_group

from include.decisions.reviews import APPROVE, REJECT, SEEN
from include.decisions.words import MITIGATIONS
from include.pipeline.alerting import tried_and_told
from include.pipeline.assets import RECOMMENDATIONS, service_date, when_all_of
from include.pipeline.orders import deliver
from include.pipeline.questions import Question


@dag(
    schedule=when_all_of(RECOMMENDATIONS),
    max_active_runs=1000,  # a run stays open until its last case is answered
    catchup=False,
    **tried_and_told(each=True),  # what people answered in one run is recorded by no other
    doc_md=__doc__,
    tags=["decisions"],
)
def review_recommendations():
    @task
    def open_cases(dag_run=None) -> list[dict]:
        from include import stages

        return stages.open_cases(service_date(dag_run), dag_run.run_id)

    @task_group
    def case(case_id: str, subject: str, body: str):
        decide = Question(task_id="decide", subject=subject, body=body, options=[APPROVE, REJECT], comment="Why: what you know and did")

        @task
        def record(case_id: str, answer: dict) -> None:
            from include import stages

            stages.record_review(case_id, answer)

        record(case_id, decide.output) >> deliver()

    case.expand_kwargs(open_cases())

    @task
    def open_rest(dag_run=None) -> list[dict]:
        from include import stages

        return stages.open_rest(service_date(dag_run), dag_run.run_id)

    @task_group
    def rest(case_id: str, subject: str, body: str):
        look = Question(task_id="look", subject=subject, body=body, options=[SEEN], comment="What you noticed")

        @task
        def record_rest(case_id: str, answer: dict) -> None:
            from include import stages

            stages.record_rest(case_id, answer)

        record_rest(case_id, look.output)

    rest.expand_kwargs(open_rest())

    @task
    def open_notices(dag_run=None) -> list[dict]:
        from include import stages

        return stages.open_notices(dag_run.run_id)

    @task_group
    def notice(traceback_id: str, subject: str, body: str, draft: str, afterwards: str):
        respond = Question(
            task_id="respond", subject=subject, body=body, options=["Answered"], comment="How it was answered, and where the answer differs from the draft"
        )

        @task
        def record_response(traceback_id: str, draft: str, answer: dict) -> None:
            from include import stages

            stages.record_response(traceback_id, draft, answer)

        mitigate = Question(
            task_id="mitigate",
            subject=afterwards,
            body="The requester is answered; that does not stop the calls. Say what was done, and why: `No fault found` needs the evidence for it.",
            options=list(MITIGATIONS),
            comment="What you know and did",
        )

        @task
        def record_mitigation(traceback_id: str, answer: dict) -> None:
            from include import stages

            stages.record_mitigation(traceback_id, answer)

        responded = record_response(traceback_id, draft, respond.output)
        responded >> mitigate
        record_mitigation(traceback_id, mitigate.output)

    notice.expand_kwargs(open_notices())


review_recommendations()
