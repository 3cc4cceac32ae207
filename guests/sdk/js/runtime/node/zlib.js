// `node:zlib`, by fflate. Brotli and Zstandard are not among what it has.

import * as fflate from "fflate";
import { later, queueCall } from "../jobs.js";
import { Buffer } from "./buffer.js";
import { Transform } from "./stream.js";

// A byte of input may become a thousand of output: so much of it is decoded at a time.
const SLICE = 8192;

export const constants = {
  Z_NO_FLUSH: 0, Z_PARTIAL_FLUSH: 1, Z_SYNC_FLUSH: 2, Z_FULL_FLUSH: 3, Z_FINISH: 4, Z_BLOCK: 5,
  Z_OK: 0, Z_STREAM_END: 1, Z_NEED_DICT: 2, Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5,
  Z_NO_COMPRESSION: 0, Z_BEST_SPEED: 1, Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1,
  Z_FILTERED: 1, Z_HUFFMAN_ONLY: 2, Z_RLE: 3, Z_FIXED: 4, Z_DEFAULT_STRATEGY: 0,
  Z_MIN_WINDOWBITS: 8, Z_MAX_WINDOWBITS: 15, Z_DEFAULT_WINDOWBITS: 15, Z_DEFAULT_CHUNK: 16384, Z_DEFAULT_LEVEL: -1,
  BROTLI_OPERATION_PROCESS: 0, BROTLI_OPERATION_FLUSH: 1, BROTLI_OPERATION_FINISH: 2, BROTLI_PARAM_MODE: 0,
  BROTLI_PARAM_QUALITY: 1, BROTLI_PARAM_SIZE_HINT: 5, BROTLI_MODE_TEXT: 1, BROTLI_DEFAULT_QUALITY: 11,
};
export const codes = Object.fromEntries(Object.entries(constants).filter(([name]) => /^Z_(OK|STREAM_END|NEED_DICT|.*ERR.*)$/.test(name)));

const bytesOf = (input) =>
  typeof input === "string" ? Buffer.from(input) : ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
const bufferOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const packing = (pack) => (input, options) => bufferOf(pack(bytesOf(input), settings(options)));

const settings = ({ level = -1, mem } = {}) => ({ level: level < 0 ? 6 : level, mem, mtime: 0 });

const unpacking = (Decoder) => (input, { maxOutputLength = Infinity, finishFlush } = {}) => {
  const parts = [];
  let size = 0;
  const decoder = new Decoder();
  decoder.ondata = (chunk) => {
    size += chunk.length;
    if (size > maxOutputLength) {
      throw Object.assign(new RangeError(`Cannot create a Buffer larger than ${maxOutputLength} bytes`), { code: "ERR_BUFFER_TOO_LARGE" });
    }
    parts.push(chunk);
  };
  const bytes = bytesOf(input);
  attempt(() => {
    for (let i = 0; i < bytes.length; i += SLICE) {
      decoder.push(bytes.slice(i, i + SLICE), false);
    }
    finishFlush === constants.Z_SYNC_FLUSH || decoder.push(new Uint8Array(0), true);
  }, () => parts.length > 0 && bytes.at(-1) === 0);
  return Buffer.concat(parts);
};

// As zlib names what is wrong.
// Zeros after a member are padding.
function attempt(call, isBegun = () => false) {
  try {
    call();
  } catch (error) {
    if (isBegun() && /invalid gzip data/.test(error.message)) {
      return;
    }
    if (error.code === "ERR_BUFFER_TOO_LARGE") {
      throw error;
    }
    const [message, errno, code] = /EOF/.test(error.message)
      ? ["unexpected end of file", -5, "Z_BUF_ERROR"]
      : [/header|gzip|zlib/.test(error.message) ? "incorrect header check" : "invalid data", -3, "Z_DATA_ERROR"];
    throw Object.assign(new Error(message), { errno, code });
  }
}

export const deflateSync = packing(fflate.zlibSync);
export const deflateRawSync = packing(fflate.deflateSync);
export const gzipSync = packing(fflate.gzipSync);
export const inflateSync = unpacking(fflate.Unzlib);
export const inflateRawSync = unpacking(fflate.Inflate);
export const gunzipSync = unpacking(fflate.Gunzip);
export const unzipSync = unpacking(fflate.Decompress);

export const deflate = later(deflateSync);
export const deflateRaw = later(deflateRawSync);
export const gzip = later(gzipSync);
export const inflate = later(inflateSync);
export const inflateRaw = later(inflateRawSync);
export const gunzip = later(gunzipSync);
export const unzip = later(unzipSync);

class Coder extends Transform {
  bytesWritten = 0;
  #coder;
  #isBegun = false;
  #hasData = false;
  #last;
  #isLenient;

  constructor(coder, options) {
    super(options);
    this.#coder = coder;
    this.#isLenient = options?.finishFlush === constants.Z_SYNC_FLUSH;
    coder.ondata = (chunk) => {
      this.#hasData = true;
      chunk.length > 0 && this.push(bufferOf(chunk));
    };
  }

  _transform(chunk, encoding, callback) {
    this.bytesWritten += chunk.length;
    this.#isBegun = true;
    this.#last = chunk.at(-1);
    this.#push(callback, () => {
      const bytes = bytesOf(chunk);
      for (let i = 0; i < bytes.length; i += SLICE) {
        this.#coder.push(bytes.slice(i, i + SLICE), false);
      }
    });
  }

  _flush(callback) {
    this.#push(callback, () => (this.isPacking || (this.#isBegun && !this.#isLenient)) && this.#coder.push(new Uint8Array(0), true));
  }

  #push(callback, push) {
    try {
      attempt(push, () => this.#hasData && this.#last === 0);
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  flush(kind, callback = kind) {
    typeof callback === "function" && queueCall(callback);
  }

  close(callback) {
    callback && this.once("close", callback);
    this.destroy();
  }

  reset() {}
}

const packer = (name, Encoder) =>
  ({
    [name]: class extends Coder {
      isPacking = true;

      constructor(options) {
        super(new Encoder(settings(options)), options);
      }
    },
  })[name];

const unpacker = (name, Decoder) =>
  ({
    [name]: class extends Coder {
      constructor(options) {
        super(new Decoder(), options);
      }
    },
  })[name];

export const Deflate = packer("Deflate", fflate.Zlib);
export const DeflateRaw = packer("DeflateRaw", fflate.Deflate);
export const Gzip = packer("Gzip", fflate.Gzip);
export const Inflate = unpacker("Inflate", fflate.Unzlib);
export const InflateRaw = unpacker("InflateRaw", fflate.Inflate);
export const Gunzip = unpacker("Gunzip", fflate.Gunzip);
export const Unzip = unpacker("Unzip", fflate.Decompress);

export const createDeflate = (options) => new Deflate(options);
export const createDeflateRaw = (options) => new DeflateRaw(options);
export const createGzip = (options) => new Gzip(options);
export const createInflate = (options) => new Inflate(options);
export const createInflateRaw = (options) => new InflateRaw(options);
export const createGunzip = (options) => new Gunzip(options);
export const createUnzip = (options) => new Unzip(options);

let table;

export function crc32(data, value = 0) {
  table ??= Uint32Array.from({ length: 256 }, (_, i) => {
    for (let bit = 0; bit < 8; bit++) {
      i = i & 1 ? (i >>> 1) ^ 0xedb88320 : i >>> 1;
    }
    return i;
  });
  let crc = ~value;
  for (const byte of bytesOf(data)) {
    crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  }
  return ~crc >>> 0;
}

export default {
  constants, codes, crc32, createDeflate, createDeflateRaw, createGunzip, createGzip, createInflate, createInflateRaw, createUnzip,
  deflate, Deflate, deflateRaw, DeflateRaw, deflateRawSync, deflateSync, gunzip, Gunzip, gunzipSync, gzip, Gzip, gzipSync, inflate,
  Inflate, inflateRaw, InflateRaw, inflateRawSync, inflateSync, unzip, Unzip, unzipSync, ...constants,
};
