# A line on an NVIDIA GPU. Build from the checkout's root: docker build -f docker/cuda.Dockerfile -t edge-inspection:cuda .
# The registry's torch wheel carries its own CUDA libraries; the host needs the driver and the NVIDIA container toolkit.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/edge && /opt/edge/bin/pip install --no-cache-dir '.[postgresql]'

FROM python:3.12-slim
COPY --from=build /opt/edge /opt/edge
RUN useradd --create-home --uid 10001 --groups video edge \
    && install --directory --owner=edge --group=edge /data
# cuda, not auto: a GPU image that finds no GPU must say so instead of running slowly.
ENV PATH=/opt/edge/bin:$PATH EDGE_DATA=/data EDGE_PAGE_HOST=0.0.0.0 EDGE_DEVICE=cuda PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, ssl, urllib.request as u; s = 's' if 'EDGE_PAGE_CERTIFICATE' in os.environ else ''; u.urlopen(f'http{s}://127.0.0.1:8765/healthz', timeout=4, context=ssl._create_unverified_context())"]
ENTRYPOINT ["edge"]
CMD ["run", "--camera", "demo:pcb"]
