# The light install, with sound: makes songs, no PyTorch. See docs/install.md.
#   docker build -t ugen . && docker run --rm -v "$PWD:/music" ugen -o song.mid -o song.mp3
FROM python:3.12-slim
COPY pyproject.toml README.md LICENSE /src/
COPY data /src/data
COPY runtime /src/runtime
COPY train /src/train
COPY export /src/export
RUN pip install --no-cache-dir '/src[audio]' && useradd --create-home listener
USER listener
WORKDIR /music
ENTRYPOINT ["ugen-run"]
