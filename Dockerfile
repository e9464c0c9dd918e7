# The bot in a container, not as root; for a CPU, or with --build-arg TORCH=cu130 for NVIDIA's GPUs.
# docs/hosting.md says how to run it.
FROM python:3.11-slim-bookworm

# PyTorch's build: cpu, or one for CUDA (cu130 and so on), which brings CUDA's libraries and is
# gigabytes larger; the machine has the driver. To use a mirror: --build-arg TORCH_INDEX=<address>.
# PyTorch is installed first, so that no later package fetches another build.
ARG TORCH=cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/$TORCH
# Of pyproject.toml, with commas between them: PostgreSQL, pictures in a bucket.
ARG EXTRAS=postgres,s3

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

WORKDIR /app
COPY constraints.txt ./
RUN pip install --index-url "$TORCH_INDEX" "$(grep -E '^torch==' constraints.txt)"

COPY pyproject.toml README.md LICENSE NOTICE ./
COPY engine ./engine
COPY data ./data
COPY bot ./bot
COPY cogs ./cogs
RUN pip install -c constraints.txt ".[$EXTRAS]" && rm -rf build *.egg-info

RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin imagine \
    && mkdir -p /data/bot /data/models && chown -R imagine /data
USER imagine
ENV IMAGINE_DATA_FOLDER=/data/bot IMAGINE_MODELS_FOLDER=/data/models
VOLUME /data

# Everything else can be read-only (docker run --read-only --tmpfs /tmp). The gateway reconnects by
# itself, so only five minutes of trouble make the container unhealthy; --no-healthcheck if
# IMAGINE_METRICS_PORT is not 9464.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10m --retries=10 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]

# On SIGTERM (docker stop) the bot informs the channels, keeps its queue and exits within 10 s.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "bot"]
