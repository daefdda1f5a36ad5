# One image for every service of docker-compose.yml; the command says which. Holds no secret and no setting of a deployment.
FROM python:3.11-slim-bookworm

# A fixed number, for the owners of volumes. Folders made here give new volumes their owner.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/tollgate --shell /usr/sbin/nologin tollgate \
    && install --directory --owner=tollgate --group=tollgate --mode=750 /var/lib/tollgate /var/lib/tollgate-lake

WORKDIR /opt/tollgate

# Before the code, which changes more often.
COPY requirements.txt requirements-celery.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -r requirements-celery.txt

COPY include include
COPY dags dags
COPY dbt_project dbt_project
COPY expectations expectations
# The file system is read-only later.
RUN python -m compileall -q include dags

ENV TOLLGATE_HOME=/var/lib/tollgate \
    TOLLGATE_LAKE=/var/lib/tollgate-lake \
    TOLLGATE_LANDING=/srv/landing \
    PYTHONUNBUFFERED=1

USER tollgate
ENTRYPOINT ["python", "-m", "include.cli"]
CMD ["--help"]
