"""What can be known of the deployment without a container engine: that its parts name what exists and fit together."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from airflow.configuration import conf
from packaging.requirements import Requirement

from include import cli
from include.platform import airflow, lifecycle, postgres, probe
from include.settings import REPOSITORY, ROLES, Settings, load, read_env_file
from tests.running import another

COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
AIRFLOW = [name for name in OURS if name != "migrate"]

VARIABLE = re.compile(r"\$\{(\w+)")
READ_BY_SETTINGS = set(re.findall(r'"(TOLLGATE_\w+)"', (REPOSITORY / "include/settings.py").read_text()))


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), continuation lines joined, comments left out."""
    lines = [line for line in (REPOSITORY / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


DOCKERFILE = instructions()


def image_environment() -> dict[str, str]:
    return dict(word.split("=", 1) for name, rest in DOCKERFILE if name == "ENV" for word in shlex.split(rest))


def substituted(text: str, values: dict[str, str]) -> str:
    """As Compose puts variables in: the value given, else the default after `:-`. A required one must be given."""
    pattern = re.compile(r"\$\{(\w+)(?::([-?])((?:[^${}]|\$\{[^{}]*\})*))?\}")

    def replaced(match: re.Match) -> str:
        name, kind, default = match.groups()
        if not values.get(name) and kind == "?":
            raise KeyError(name)
        return values.get(name) or substituted(default if kind == "-" else "", values)

    return pattern.sub(replaced, text)


def environment(service: str, values: dict[str, str]) -> dict[str, str]:
    return {name: substituted(value, values) for name, value in SERVICES[service].get("environment", {}).items()}


REQUIRED = {
    "TOLLGATE_LANDING": "/data/landing", "POSTGRES_PASSWORD": "super", "WAREHOUSE_OWNER_PASSWORD": "owning", "REDIS_PASSWORD": "queueing",
}  # fmt: skip


# The image.


def test_what_is_copied_exists_and_is_not_ignored():
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for name, rest in DOCKERFILE if name == "COPY" for source in rest.split()[:-1]}
    assert copied == allowed
    assert all((REPOSITORY / source).exists() for source in copied)
    assert {"include", "dags", "dbt_project", "expectations", "requirements.txt"} <= copied


def test_neither_settings_nor_state_get_into_the_image():
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")][0] == "*"
    assert not {"!.env", "!.tollgate", "!.git", "!.venv", "!."} & set(lines)
    words = {name for name in image_environment() if re.search("PASSWORD|SECRET|KEY|URL", name)}
    assert words == set()


def test_the_image_is_pinned_and_runs_the_projects_command_as_an_ordinary_user():
    assert [rest for name, rest in DOCKERFILE if name == "FROM"] == ["python:3.11-slim-bookworm"]
    assert [rest for name, rest in DOCKERFILE if name == "USER"] == ["tollgate"]
    names = [name for name, _ in DOCKERFILE]
    assert names.index("USER") < names.index("ENTRYPOINT") and "RUN" not in names[names.index("USER") :]
    assert dict(DOCKERFILE)["ENTRYPOINT"] == '["python", "-m", "include.cli"]'


def test_the_images_settings_are_settings():
    given = {name: value for name, value in image_environment().items() if name.startswith("TOLLGATE_")}
    assert set(given) <= READ_BY_SETTINGS
    settings = load(given)
    assert (str(settings.home), str(settings.lake)) == ("/var/lib/tollgate", "/var/lib/tollgate-lake")


def requirements(name: str) -> dict[str, Requirement]:
    lines = [line.split("#")[0].strip() for line in (REPOSITORY / name).read_text().splitlines() if not line.startswith(" ")]
    parsed = [Requirement(line) for line in lines if line]
    return {requirement.name.lower().replace("_", "-"): requirement for requirement in parsed}


def test_the_workers_packages_are_pinned_and_fit_the_others():
    extra, main = requirements("requirements-celery.txt"), requirements("requirements.txt")
    assert {"apache-airflow-providers-celery", "celery", "redis"} <= set(extra)
    assert all(re.fullmatch(r"==[\w.]+", str(requirement.specifier)) for requirement in extra.values())
    assert not extra.keys() & main.keys()
    assert not {"celery", "apache-airflow-providers-celery"} & main.keys()


# The services.


def test_every_part_has_a_service():
    assert {"postgres", "migrate", "api-server", "scheduler", "dag-processor", "triggerer", "worker", "redis"} == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_names_only_what_the_file_declares(name: str):
    service = SERVICES[name]
    known = {
        "build", "image", "init", "restart", "read_only", "tmpfs", "cap_drop", "cap_add", "security_opt", "networks", "environment",
        "volumes", "configs", "healthcheck", "stop_grace_period", "depends_on", "command", "ports", "user", "shm_size",
    }  # fmt: skip
    assert set(service) <= known
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    named = {volume.split(":")[0] for volume in service.get("volumes", []) if isinstance(volume, str)}
    assert named <= set(COMPOSE["volumes"])
    assert {config["source"] for config in service.get("configs", [])} <= set(COMPOSE["configs"])
    for other, condition in service.get("depends_on", {}).items():
        wanted = {"service_completed_successfully"} if other == "migrate" else {"service_healthy"}
        assert {condition["condition"]} == wanted
        assert other == "migrate" or "healthcheck" in SERVICES[other]


def test_everything_declared_is_used():
    volumes = {v.split(":")[0] for service in SERVICES.values() for v in service.get("volumes", []) if isinstance(v, str)}
    assert volumes == set(COMPOSE["volumes"])
    assert {config["source"] for service in SERVICES.values() for config in service.get("configs", [])} == set(COMPOSE["configs"])


def before(name: str) -> set[str]:
    """Every service that is up before this one starts."""
    direct = set(SERVICES[name].get("depends_on", {}))
    return direct.union(*map(before, direct))


def test_the_order_of_starting():
    """The API server before the scheduler (and, stopping, after it); migrations before all of Airflow."""
    assert before("migrate") == {"postgres"}
    for name in AIRFLOW:
        assert {"postgres", "migrate"} <= before(name)
    for name in set(AIRFLOW) - {"api-server"}:
        assert "api-server" in before(name)
    assert "redis" in before("scheduler") & before("worker")


@pytest.mark.parametrize("name", OURS)
def test_commands_are_commands(name: str):
    """Parsed by our own command line, and what of it is Airflow's by Airflow's."""
    arguments = cli.parser().parse_args(SERVICES[name]["command"])
    assert arguments.run is (cli.migrate if name == "migrate" else cli.run_airflow)
    if name == "migrate":
        return
    if name == "worker":
        assert arguments.arguments == ["celery", "worker", "--skip-serve-logs"]
        return
    from airflow.cli import cli_parser

    parsed = cli_parser.get_parser().parse_args(arguments.arguments)
    assert parsed.subcommand == name


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str):
    image = SERVICES[name]["image"]
    if name in OURS:
        assert image == "tollgate:local"
    else:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+-bookworm", image)


def test_the_database_is_the_embedded_one_s_version(warehouse: Settings):
    with psycopg.connect(warehouse.url("auditor")) as connection:
        version = connection.execute("show server_version").fetchone()[0].split()[0]
    assert SERVICES["postgres"]["image"] == f"postgres:{version}-bookworm"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_rights(name: str):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "privileged" not in service and "user" not in service


def test_only_airflow_is_published_and_on_this_host_alone():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api-server": ["127.0.0.1:${TOLLGATE_AIRFLOW_PORT:-8080}:8080"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert [name for name, service in SERVICES.items() if "outside" in service["networks"]] == ["api-server"]


def test_who_sees_what():
    def targets(name: str) -> dict[str, bool]:
        """Folder in the container -> whether it can be written."""
        found = {}
        for volume in SERVICES[name]["volumes"]:
            if isinstance(volume, str):
                found[volume.split(":")[1]] = not volume.endswith(":ro")
            else:
                found[volume["target"]] = not volume["read_only"]
        return found

    image = image_environment()
    home, lake, landing = image["TOLLGATE_HOME"], image["TOLLGATE_LAKE"], image["TOLLGATE_LANDING"]
    assert targets("worker") == {home: True, lake: True, landing: False}
    assert targets("triggerer") == {home: True, landing: False}
    for name in ("migrate", "api-server", "scheduler", "dag-processor"):
        assert targets(name) == {home: True}


def test_only_the_migration_knows_the_owners_password():
    knowing = {name for name in SERVICES if "owning" in str(environment(name, REQUIRED).values())}
    assert knowing == {"postgres", "migrate"}
    assert {name for name in SERVICES if "super" in environment(name, REQUIRED).values()} == {"postgres"}
    assert {name for name in OURS if "queueing" in str(environment(name, REQUIRED).values())} == {"scheduler", "worker"}


def test_no_secret_is_written_down():
    text = (REPOSITORY / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "WAREHOUSE_OWNER_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{name}:?" in text
        assert not re.search(rf"\${{{name}(:-[^}}]|}})", text)
    for name in REQUIRED:
        with pytest.raises(KeyError, match=name):
            substituted(text, {key: value for key, value in REQUIRED.items() if key != name})


# Names of settings.


@pytest.mark.parametrize("name", OURS)
def test_environment_names_are_real(name: str):
    given = environment(name, REQUIRED)
    ours = {key for key in given if key.startswith("TOLLGATE_")}
    assert ours <= READ_BY_SETTINGS
    options = [key.removeprefix("AIRFLOW__").lower().split("__") for key in given if key.startswith("AIRFLOW__")]
    assert options
    for section, option in options:
        assert is_airflow_option(section, option), f"{section}.{option}"


def is_airflow_option(section: str, option: str) -> bool:
    if section == "celery" and "celery" not in conf.configuration_description:
        # Described by the provider, which only the image has; these two were checked against it.
        return option in ("broker_url", "worker_concurrency")
    return option in conf.configuration_description.get(section, {}).get("options", {})


def test_what_airflow_is_given_everywhere_is_real(installation: Settings):
    given = airflow.environment(installation, airflow.load_secrets(installation))
    unknown = [
        name
        for name in given
        if name.startswith("AIRFLOW__") and not is_airflow_option(*name.removeprefix("AIRFLOW__").lower().split("__"))
    ]
    # Read by the authentication manager straight from the section `core`.
    assert [name for name in unknown if "SIMPLE_AUTH_MANAGER" not in name] == []


def test_the_files_win_over_the_installations_own_values(installation: Settings):
    """`run_airflow` keeps what the environment says: here the addresses of a network of containers."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        **environment("api-server", REQUIRED),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    }

    def value(section: str, option: str) -> str:
        command = [sys.executable, "-m", "include.cli", "airflow", "config", "get-value", section, option]
        said = subprocess.run(command, env=environ, cwd=REPOSITORY, capture_output=True, text=True)
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    assert value("api", "host") == "0.0.0.0"
    assert value("core", "execution_api_server_url") == "http://api-server:8080/execution/"
    # And what the files do not say is the installation's.
    assert value("core", "dags_folder") == str(REPOSITORY / "dags")


def test_components_meet_at_the_api_server():
    for name in AIRFLOW:
        given = environment(name, REQUIRED)
        assert given["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://api-server:8080/execution/"
        assert given["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
        assert {"api-server", "postgres", "redis"} <= set(given["NO_PROXY"].split(","))
    assert environment("api-server", REQUIRED | {"TOLLGATE_AIRFLOW_PORT": "9000"})["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:9000"
    elsewhere = REQUIRED | {"AIRFLOW_BASE_URL": "https://tollgate.example"}
    assert environment("api-server", elsewhere)["AIRFLOW__API__BASE_URL"] == "https://tollgate.example"


# Health.


@pytest.mark.parametrize("name", AIRFLOW)
def test_health_checks_ask_for_a_part_that_the_probe_knows(name: str):
    test = SERVICES[name]["healthcheck"]["test"]
    assert test == ["CMD", "python", "-m", "include.platform.probe", name]
    assert name in probe.PARTS


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="unknown part 'cook': one of api-server"):
        probe.works("cook", {})


def test_a_part_without_an_api_server_is_not_healthy(installation: Settings):
    environ = os.environ | {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{installation.airflow_port}/execution/"}
    done = subprocess.run([sys.executable, "-m", "include.platform.probe", "scheduler"], env=environ, cwd=REPOSITORY, capture_output=True)
    assert done.returncode != 0


# The database, set up by the file's own SQL.


def psql(server: Settings, *arguments: str, given: str | None = None) -> None:
    environ = {"PGPASSWORD": (server.secrets / "pg_superuser").read_text().strip(), "OWNER_PASSWORD": REQUIRED["WAREHOUSE_OWNER_PASSWORD"]}
    login = ["--host=127.0.0.1", f"--port={server.pg_port}", "--username=postgres", "--dbname=postgres", "--no-psqlrc", "--quiet"]
    done = subprocess.run([postgres.program("psql"), *login, *arguments], env=environ, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Settings]]:
    """A server that was set up as the container would be, and the settings of `migrate`, which has run."""
    home = tmp_path_factory.mktemp("deployed")
    server = another(home / "server")
    postgres.start(server)
    psql(server, "--set=ON_ERROR_STOP=1", "--file=-", given=COMPOSE["configs"]["owner"]["content"])
    yield server, migrated(server, home / "home")
    postgres.stop(server)


def migrated(server: Settings, home: Path) -> Settings:
    settings = reached(server, home, "migrate")
    lifecycle.warehouse_up(settings, say=lambda _: None)
    return settings


def reached(server: Settings, home: Path, service: str) -> Settings:
    """Settings of a service, its database at `server`."""
    url = environment(service, REQUIRED)["TOLLGATE_WAREHOUSE_URL"]
    return another(home, TOLLGATE_WAREHOUSE_URL=url.replace("@postgres:5432/", f"@127.0.0.1:{server.pg_port}/"))


def test_the_migration_needs_no_superuser(deployed: tuple[Settings, Settings]):
    _, settings = deployed
    with psycopg.connect(settings.url("owner")) as connection:
        assert connection.execute("select current_user, current_setting('is_superuser')").fetchone() == ("tollgate", "off")
    assert lifecycle.migration_status(settings).startswith("up to date")


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
def test_services_log_in_without_the_owners_password(deployed: tuple[Settings, Settings], role: str):
    server, settings = deployed
    worker = reached(server, settings.home, "worker")
    with psycopg.connect(worker.url(role)) as connection:
        assert connection.execute("select current_user").fetchone() == (worker.role_name(role),)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(worker.url("owner"), connect_timeout=5)


def test_a_backup_can_be_restored(deployed: tuple[Settings, Settings], tmp_path: Path):
    """With the commands of docs/deployment.md."""
    server, settings = deployed
    entry = '[{"entry_type": "gate", "actor": "a", "payload": {}}]'
    with psycopg.connect(settings.url("recommender")) as connection:
        connection.execute("select decisions.append(%s, now())", [entry])
    login = ["--host=127.0.0.1", f"--port={server.pg_port}", "--username=postgres"]
    environ = {"PGPASSWORD": (server.secrets / "pg_superuser").read_text().strip()}
    dump = subprocess.run([postgres.program("pg_dumpall"), *login], env=environ, capture_output=True, text=True)
    assert dump.returncode == 0, dump.stderr
    fresh = another(tmp_path / "server")
    fresh.secrets.mkdir(parents=True)
    (fresh.secrets / "pg_superuser").write_text(environ["PGPASSWORD"])
    postgres.start(fresh)
    try:
        psql(fresh, "--set=ON_ERROR_STOP=1", "--file=-", given=COMPOSE["configs"]["owner"]["content"])
        psql(fresh, "--file=-", given=dump.stdout)
        restored = migrated(fresh, settings.home)
        with psycopg.connect(restored.url("recommender")) as connection:
            assert connection.execute("select count(*) from decisions.first_broken_entry()").fetchone() == (0,)
            assert connection.execute("select decisions.append(%s, now())", [entry]).fetchone() == (1,)
            assert connection.execute("select max(entry_id) from decisions.ledger").fetchone() == (2,)
    finally:
        postgres.stop(fresh)


# The example of `.env`.


def example() -> str:
    return (REPOSITORY / ".env.example").read_text()


def test_the_example_lists_every_setting_and_no_other():
    listed = set(re.findall(r"^#(TOLLGATE_\w+)=", example(), flags=re.MULTILINE))
    assert listed == READ_BY_SETTINGS
    assert len(listed) == 16


def test_the_example_changes_nothing(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text(example())
    assert read_env_file(file) == {}


def test_the_example_shows_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("include.settings.REPOSITORY", tmp_path)
    monkeypatch.chdir(tmp_path)
    defaults = load({})
    (tmp_path / ".env").write_text(re.sub(r"^#(TOLLGATE_)", r"\1", example(), flags=re.MULTILINE))
    assert load({}) == defaults


def test_the_example_lists_what_the_deployment_needs():
    wanted = set(VARIABLE.findall((REPOSITORY / "docker-compose.yml").read_text()))
    listed = set(re.findall(r"^#(\w+)=", example(), flags=re.MULTILINE))
    assert wanted <= listed
    assert set(REQUIRED) <= wanted
