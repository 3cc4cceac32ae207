// `node:util/types`.

import { isPromise as isOurPromise } from "../promise.js";

const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
const isA = (name) => (value) => typeof value === "object" && value !== null && tagOf(value) === name;
const view = (name) => (value) => ArrayBuffer.isView(value) && value[Symbol.toStringTag] === name;

export const isAnyArrayBuffer = (value) => value instanceof ArrayBuffer || isSharedArrayBuffer(value);
export const isArrayBuffer = (value) => value instanceof ArrayBuffer;
export const isArrayBufferView = ArrayBuffer.isView;
export const isArgumentsObject = isA("Arguments");
// Async functions are lowered to ordinary ones.
export const isAsyncFunction = (value) => typeof value === "function" && tagOf(value) === "AsyncFunction";
export const isBigInt64Array = view("BigInt64Array");
export const isBigUint64Array = view("BigUint64Array");
export const isBooleanObject = (value) => value instanceof Boolean;
export const isBoxedPrimitive = (value) => [Boolean, Number, String, Symbol, BigInt].some((type) => value instanceof type);
export const isDataView = (value) => value instanceof DataView;
export const isDate = (value) => value instanceof Date;
export const isExternal = () => false;
export const isFloat32Array = view("Float32Array");
export const isFloat64Array = view("Float64Array");
export const isGeneratorFunction = (value) => typeof value === "function" && tagOf(value) === "GeneratorFunction";
export const isGeneratorObject = isA("Generator");
export const isInt8Array = view("Int8Array");
export const isInt16Array = view("Int16Array");
export const isInt32Array = view("Int32Array");
export const isMap = (value) => value instanceof Map;
export const isMapIterator = isA("Map Iterator");
export const isModuleNamespaceObject = isA("Module");
export const isNativeError = (value) => value instanceof Error;
export const isNumberObject = (value) => value instanceof Number;
export const isPromise = (value) => isOurPromise(value);
export const isProxy = () => false;
export const isRegExp = (value) => value instanceof RegExp;
export const isSet = (value) => value instanceof Set;
export const isSetIterator = isA("Set Iterator");
export const isSharedArrayBuffer = isA("SharedArrayBuffer");
export const isStringObject = (value) => value instanceof String;
export const isSymbolObject = (value) => value instanceof Symbol;
export const isTypedArray = (value) => ArrayBuffer.isView(value) && !(value instanceof DataView);
export const isUint8Array = (value) => value instanceof Uint8Array;
export const isUint8ClampedArray = view("Uint8ClampedArray");
export const isUint16Array = view("Uint16Array");
export const isUint32Array = view("Uint32Array");
export const isWeakMap = (value) => value instanceof WeakMap;
export const isWeakSet = (value) => value instanceof WeakSet;
export const isCryptoKey = isA("CryptoKey");
export const isKeyObject = (value) => value?.constructor?.name?.endsWith("KeyObject") ?? false;

export default {
  isAnyArrayBuffer, isArgumentsObject, isArrayBuffer, isArrayBufferView, isAsyncFunction, isBigInt64Array, isBigUint64Array,
  isBooleanObject, isBoxedPrimitive, isCryptoKey, isDataView, isDate, isExternal, isFloat32Array, isFloat64Array,
  isGeneratorFunction, isGeneratorObject, isInt16Array, isInt32Array, isInt8Array, isKeyObject, isMap, isMapIterator,
  isModuleNamespaceObject, isNativeError, isNumberObject, isPromise, isProxy, isRegExp, isSet, isSetIterator,
  isSharedArrayBuffer, isStringObject, isSymbolObject, isTypedArray, isUint16Array, isUint32Array, isUint8Array,
  isUint8ClampedArray, isWeakMap, isWeakSet,
};
