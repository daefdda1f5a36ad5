"""Let a party back that is restricted, suspended or terminated: one compliance user asks by starting this DAG, another one signs.

The form says which party, and what a release has to say. Whoever starts the run signs first; then the question goes to the others.
Nothing is released without their answer, which goes to the ledger as soon as it is given; from a confirmation follow the release and
the order to lift. There is no time-out and no default. `make release` does the same for those who operate the host.
"""

from airflow.sdk import Param, dag, task

from include.decisions.releases import SAID
from include.decisions.signatures import CONFIRM, REFUSE
from include.pipeline.alerting import tried_and_told
from include.pipeline.orders import deliver
from include.pipeline.questions import Question, asked_by


@dag(
    schedule=None,
    params={"party": Param("", type="string", minLength=1, title="Party", description="customer or upstream, and its id, as: customer C1031")}
    | {name: Param("", type="string", minLength=1, title=name.capitalize(), description=meaning) for name, meaning in SAID.items()},
    max_active_runs=1000,  # a run stays open until it is answered
    catchup=False,
    **tried_and_told(),
    doc_md=__doc__,
    tags=["decisions"],
)
def release_party():
    @task(retries=0, multiple_outputs=True)
    def want(params=None, dag_run=None) -> dict:
        from include import stages

        return stages.want_release(f"release:{dag_run.run_id}", asked_by(dag_run), {name: params[name] for name in ("party", *SAID)})

    wanted = want()
    confirm = Question(
        task_id="confirm",
        subject=wanted["subject"],
        body=wanted["body"],
        options=[CONFIRM, REFUSE],
        comment="Why: needed for either answer",
        other_than=wanted["first"],
    )

    @task
    def record(request: dict, answer: dict) -> None:
        from include import stages

        stages.record_release(request, answer)

    record(wanted["request"], confirm.output) >> deliver()


release_party()
