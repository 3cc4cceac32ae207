// What the host says of a request that failed, as Node says it.

export const DENIED = "no rule of network.allow grants it";

// Node's code, and words, for each of the host's.
const ERRORS = {
  "dns-timeout": ["EAI_AGAIN", "the name was not resolved in time"],
  "dns-error": ["ENOTFOUND", "the name can't be resolved"],
  "destination-not-found": ["ENOTFOUND", "the name can't be resolved"],
  "destination-unavailable": ["EHOSTUNREACH", "the address can't be reached"],
  "destination-ip-prohibited": ["EACCES", `the address is one that the host forbids, or ${DENIED}`],
  "destination-ip-unroutable": ["EHOSTUNREACH", "the address can't be reached"],
  "connection-refused": ["ECONNREFUSED", "the connection was refused"],
  "connection-terminated": ["UND_ERR_SOCKET", "other side closed"],
  "connection-timeout": ["UND_ERR_CONNECT_TIMEOUT", "Connect Timeout Error"],
  "connection-read-timeout": ["UND_ERR_HEADERS_TIMEOUT", "nothing came in time"],
  "connection-write-timeout": ["ETIMEDOUT", "nothing could be sent in time"],
  "connection-limit-reached": ["EMFILE", "too many requests at once"],
  "tls-protocol-error": ["EPROTO", "TLS could not be agreed on"],
  // The host does not tell what is wrong with it.
  "tls-certificate-error": ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the certificate"],
  "tls-alert-received": ["EPROTO", "the other side refused TLS"],
  "http-request-denied": ["EACCES", DENIED],
  "http-request-uri-invalid": ["ERR_INVALID_URL", "the address is none that can be asked"],
  "http-response-incomplete": ["UND_ERR_SOCKET", "other side closed"],
  "http-response-header-section-size": ["UND_ERR_HEADERS_OVERFLOW", "Headers Overflow Error"],
  "http-response-header-size": ["UND_ERR_HEADERS_OVERFLOW", "Headers Overflow Error"],
  "http-response-body-size": ["UND_ERR_RES_EXCEEDED_MAX_SIZE", "the response is larger than the host takes"],
  "http-response-timeout": ["UND_ERR_HEADERS_TIMEOUT", "nothing came in time"],
  "http-protocol-error": ["HPE_INVALID_CONSTANT", "the response is not HTTP"],
};

// Makes an error of an `error-code`, which is a tag, or a tag with a value.
export function networkError(code, where) {
  const tag = String(code?.tag ?? code);
  const [nodeCode, words] = ERRORS[tag.toLowerCase()] ?? ["UND_ERR", tag];
  const detail = typeof code?.val === "string" ? code.val : code?.val?.rcode ?? code?.val?.alertMessage;
  const error = new Error(`${detail && !(tag.toLowerCase() in ERRORS) ? detail : words}${where === undefined ? "" : `: ${where}`}`);
  error.code = nodeCode;
  if (nodeCode === "ENOTFOUND") {
    error.syscall = "getaddrinfo";
  }
  return error;
}
