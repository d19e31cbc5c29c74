# A line on the CPU. Build from the checkout's root: docker build -f docker/cpu.Dockerfile -t edge-inspection:cpu .
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
# The registry's torch brings CUDA libraries that a CPU image does not need; torch's own CPU index has torch and
# torchvision without them.
RUN python -m venv /opt/edge \
    && /opt/edge/bin/pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && /opt/edge/bin/pip install --no-cache-dir '.[postgresql]'

FROM python:3.12-slim
COPY --from=build /opt/edge /opt/edge
RUN useradd --create-home --uid 10001 --groups video edge \
    && install --directory --owner=edge --group=edge /data
ENV PATH=/opt/edge/bin:$PATH EDGE_DATA=/data EDGE_PAGE_HOST=0.0.0.0 PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, ssl, urllib.request as u; s = 's' if 'EDGE_PAGE_CERTIFICATE' in os.environ else ''; u.urlopen(f'http{s}://127.0.0.1:8765/healthz', timeout=4, context=ssl._create_unverified_context())"]
ENTRYPOINT ["edge"]
CMD ["run", "--camera", "demo:pcb"]
