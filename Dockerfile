# Two images from one file. `--target host` is the runtime alone: a function's own Dockerfile starts from it, copies its
# guests to /var/task and names one in CMD. The last stage does just that with the samples.

FROM docker.io/library/rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --profile host --locked --package guesthouse --no-default-features --features compiler,lambda-runtime,network,oci --bin bootstrap \
    && cp target/host/bootstrap /tmp/ \
    && cargo build --profile host --locked --package guesthouse --no-default-features --features cli,lambda-runtime,network --bin guesthouse \
    && install -D -t /out /tmp/bootstrap target/host/guesthouse

FROM docker.io/library/rust:1-bookworm AS guests
WORKDIR /src
COPY wit wit
COPY guests guests
WORKDIR /src/guests
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/guests/target \
    ls "$(rustc --print target-libdir --target wasm32-wasip2)" > /dev/null 2>&1 || rustup target add wasm32-wasip2; \
    cargo build --release --locked -p hello -p fixtures --lib --example echo \
    && install -D -m 644 -t /out target/wasm32-wasip2/release/hello.wasm target/wasm32-wasip2/release/examples/echo.wasm
COPY --from=build /out/guesthouse /usr/local/bin/guesthouse
RUN guesthouse compile /out/hello.wasm && guesthouse compile /out/echo.wasm

FROM public.ecr.aws/lambda/provided:al2023 AS host
COPY --from=build /out/bootstrap /var/runtime/bootstrap

FROM host
COPY --from=guests /out/ /var/task/
CMD ["hello"]
