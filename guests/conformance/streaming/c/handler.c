// This guest handles events, and streams its responses as the event asks. The guests in Go and Rust take the same
// events.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guesthouse.h"

static char *failed(guesthouse_stream status) {
    static const char *const names[] = {"", "WrongState", "InvalidContentType", "Closed"};
    return guesthouse_error(names[status], "the response can't be streamed");
}

static char *stream(const char *what, int count, size_t size) {
    const char *head = "{\"statusCode\":201,\"headers\":{\"content-type\":\"text/plain\",\"x-made-by\":\"c\"},"
                       "\"cookies\":[\"a=1\",\"b=2\"]}";
    guesthouse_stream status = GUESTHOUSE_STREAM_OK;
    if (strcmp(what, "http") == 0) {
        status = guesthouse_stream_open_http(head);
    } else {
        status = guesthouse_stream_open(strcmp(what, "type") == 0 ? "text/plain\r\nx: 1" : "text/x-pieces");
    }
    char *piece = malloc(size + 16);
    if (piece == NULL) return guesthouse_error(NULL, "there is no memory");
    for (int number = 0; number < count && status == GUESTHOUSE_STREAM_OK; number++) {
        const size_t prefix = (size_t)sprintf(piece, "%d:", number);
        memset(piece + prefix, 'x', size);
        status = guesthouse_stream_write(piece, prefix + size);
    }
    free(piece);
    if (status != GUESTHOUSE_STREAM_OK) return failed(status);
    if (strcmp(what, "fail") == 0) return guesthouse_error(NULL, "the handler fails while it streams");
    if (strcmp(what, "twice") == 0) return failed(guesthouse_stream_open("text/plain"));
    if (strcmp(what, "trap") == 0) __builtin_trap();
    return strdup("this is not sent");
}

char *handler(const char *event, const guesthouse_context *context) {
    (void)context;
    const guesthouse_json json = guesthouse_json_event(event);
    if (json.at == NULL) return NULL;
    char *what = guesthouse_json_string(guesthouse_json_member(json, "do"));
    if (what == NULL || strcmp(what, "before") == 0) {
        free(what);
        return guesthouse_error(NULL, "the handler fails before it streams");
    }
    const int count = (int)guesthouse_json_number(guesthouse_json_member(json, "count"), 0);
    const size_t size = (size_t)guesthouse_json_number(guesthouse_json_member(json, "size"), 0);
    char *returned = stream(what, count, size);
    free(what);
    return returned;
}
