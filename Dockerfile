# The bot in a container: CPU, not root. docs/hosting.md says how to run it.
FROM python:3.11-slim-bookworm

# PyTorch's own index of builds without CUDA; the default build works, too, but is gigabytes larger.
# To use a mirror: docker build --build-arg TORCH_INDEX=<address>. PyTorch is installed first, so
# that no later package fetches another build.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

WORKDIR /app
COPY constraints.txt ./
RUN pip install --index-url "$TORCH_INDEX" "$(grep -E '^torch==' constraints.txt)"

COPY pyproject.toml README.md LICENSE NOTICE ./
COPY engine ./engine
COPY data ./data
COPY bot ./bot
COPY cogs ./cogs
RUN pip install -c constraints.txt . && rm -rf build *.egg-info

RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin imagine \
    && mkdir -p /data/bot /data/models && chown -R imagine /data
USER imagine
ENV IMAGINE_DATA_FOLDER=/data/bot IMAGINE_MODELS_FOLDER=/data/models
VOLUME /data

# On SIGTERM (docker stop) the bot informs the channels, keeps its queue and exits within 10 s.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "bot"]
