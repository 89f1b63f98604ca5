# The service: analysis on the processor, as a user without rights. docs/guide/deployment.md says how to run it.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/tamperscope && /opt/tamperscope/bin/pip install --no-cache-dir '.[postgresql,report]'

FROM python:3.12-slim
COPY --from=build /opt/tamperscope /opt/tamperscope
RUN useradd --system --uid 10001 --home-dir /data tamperscope && install -d -o tamperscope -m 700 /data
ENV PATH=/opt/tamperscope/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp TMPDIR=/data
USER tamperscope
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Tokens come by TAMPERSCOPE_TOKENS; without any it refuses to start.
ENTRYPOINT ["tamperscope", "serve", "--host", "0.0.0.0", "--allow-host", "*", "--data", "/data"]
