# An image of the program alone, whose entry point it is:
#   docker build -t taugate .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" taugate info image.sdt
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends make
COPY . /source
RUN make -C /source install PREFIX=/opt/taugate

FROM ${BASE}
RUN apt-get update && \
    apt-get install -y --no-install-recommends gnuplot-nox fonts-dejavu-core libgomp1 libhdf5-103-1 libpugixml1v5 libtiff6 libzip4 && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/taugate /usr/local
WORKDIR /work
ENTRYPOINT ["taugate"]
