// DER (ITU-T X.690), as far as keys need it.

import { Buffer } from "../buffer.js";

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OID = 0x06;
export const SEQUENCE = 0x30;

// Reads one value: its tag, its bytes, and where it ends.
export function read(bytes, at = 0) {
  const tag = bytes[at];
  let length = bytes[at + 1];
  let start = at + 2;
  if (length > 0x80) {
    const count = length & 0x7f;
    length = 0;
    for (let i = 0; i < count; i++) {
      length = length * 256 + bytes[start++];
    }
  }
  const end = start + length;
  if (!(end <= bytes.length)) {
    throw new Error("the key is cut off");
  }
  return { tag, value: bytes.subarray(start, end), end };
}

// Reads what a sequence holds.
export function members(bytes) {
  const list = [];
  for (let at = 0; at < bytes.length; ) {
    const one = read(bytes, at);
    list.push(one);
    at = one.end;
  }
  return list;
}

export function numberOf({ tag, value }) {
  if (tag !== INTEGER) {
    throw new Error("the key has something else where a number should be");
  }
  return BigInt(`0x${Buffer.from(value).toString("hex")}`);
}

export const nameOf = ({ value }) => Buffer.from(value).toString("hex");

export function write(tag, ...parts) {
  const value = Buffer.concat(parts);
  const length = value.length < 0x80 ? [value.length] : value.length < 0x100 ? [0x81, value.length] : [0x82, value.length >> 8, value.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

export function writeNumber(number) {
  const hex = number.toString(16);
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
  return write(INTEGER, bytes[0] & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}
