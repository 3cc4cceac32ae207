// Node's streams as those of the web, and the other way.

export function fromReadable(Readable, stream, options = {}) {
  const reader = stream.getReader();
  return new Readable({
    ...options,
    read() {
      reader.read().then(
        ({ done, value }) => this.push(done ? null : options.objectMode || typeof value === "string" ? value : Buffer.from(value)),
        (error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      reader.cancel(error ?? undefined).then(() => callback(error), () => callback(error));
    },
  });
}

export function toReadable(stream) {
  let iterator;
  return new ReadableStream({
    start: () => void (iterator = stream[Symbol.asyncIterator]()),
    async pull(controller) {
      const { done, value } = await iterator.next();
      done ? controller.close() : controller.enqueue(typeof value === "string" || stream.readableObjectMode ? value : new Uint8Array(value));
    },
    cancel: (reason) => void stream.destroy(reason instanceof Error ? reason : undefined),
  }, { highWaterMark: 0 });
}

export function fromWritable(Writable, stream, options = {}) {
  const writer = stream.getWriter();
  return new Writable({
    ...options,
    write: (chunk, encoding, callback) => void writer.write(chunk).then(() => callback(), callback),
    final: (callback) => void writer.close().then(() => callback(), callback),
    destroy: (error, callback) =>
      void (error ? writer.abort(error).then(() => callback(error), () => callback(error)) : callback(null)),
  });
}

export function toWritable(stream) {
  return new WritableStream({
    write: (chunk) => new Promise((resolve, reject) => stream.write(chunk, (error) => (error ? reject(error) : resolve()))),
    close: () => new Promise((resolve, reject) => stream.end((error) => (error ? reject(error) : resolve()))),
    abort: (reason) => void stream.destroy(reason instanceof Error ? reason : undefined),
  });
}
