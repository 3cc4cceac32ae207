// Streamed responses, by the interface `guesthouse:lambda/response-stream@0.1.0`. A guest that calls nothing here
// imports nothing for it.

#include "guesthouse.h"

#include <string.h>

// A `result<_, stream-error>`.
typedef struct {
    uint8_t is_error;
    uint8_t which;
} outcome;

#define IMPORT(name) \
    __attribute__((import_module("guesthouse:lambda/response-stream@0.1.0"), import_name(name))) extern

IMPORT("open") void response_open(const char *content_type, size_t length, outcome *result);
IMPORT("write") void response_write(const void *bytes, size_t length, outcome *result);

static guesthouse_stream status(const outcome *result) {
    // The cases of `stream-error`, in its order.
    static const guesthouse_stream errors[] = {
        GUESTHOUSE_STREAM_WRONG_STATE, GUESTHOUSE_STREAM_INVALID_TYPE, GUESTHOUSE_STREAM_CLOSED};
    return result->is_error ? errors[result->which] : GUESTHOUSE_STREAM_OK;
}

guesthouse_stream guesthouse_stream_open(const char *content_type) {
    outcome result;
    response_open(content_type, strlen(content_type), &result);
    return status(&result);
}

guesthouse_stream guesthouse_stream_open_http(const char *head) {
    guesthouse_stream opened = guesthouse_stream_open("application/vnd.awslambda.http-integration-response");
    if (opened != GUESTHOUSE_STREAM_OK) return opened;
    opened = guesthouse_stream_write(head, strlen(head));
    // What separates the head from the body.
    return opened == GUESTHOUSE_STREAM_OK ? guesthouse_stream_write("\0\0\0\0\0\0\0", 8) : opened;
}

guesthouse_stream guesthouse_stream_write(const void *bytes, size_t length) {
    outcome result;
    response_write(bytes, length, &result);
    return status(&result);
}
