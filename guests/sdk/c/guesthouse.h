// Write handlers for Guesthouse in C: define `handler`, and build it together with `guesthouse.c` and `json.c` as a
// reactor for WASI.
#ifndef GUESTHOUSE_H
#define GUESTHOUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What Lambda says about one invocation. Texts end with a zero byte, and are there until the handler returns.
typedef struct {
    const char *request_id;
    const char *function_name;
    const char *function_version;
    const char *invoked_function_arn;
    uint32_t memory_limit_mib;
    const char *log_group_name;
    const char *log_stream_name;
    // Milliseconds since the Unix epoch.
    uint64_t deadline_ms;
    // NULL where Lambda says nothing of these.
    const char *trace_id;
    // As the caller sent it: usually, but not always, JSON.
    const char *client_context;
    const char *identity_id;
    const char *identity_pool_id;
    const char *tenant_id;
} guesthouse_context;

// The handler, which you define. It gets the event's text, usually JSON, and returns the response's, which it took from
// `malloc` and which is freed for it; or it returns what `guesthouse_error` does. What is in static variables is there
// in the next invocation of the same instance.
char *handler(const char *event, const guesthouse_context *context);

// What the caller gets instead of a response, for `return guesthouse_error("OrderNotFound", "no order %d", number);`.
// The type is for callers to match on; NULL is `Error`. Returns NULL.
char *guesthouse_error(const char *type, const char *format, ...) __attribute__((format(printf, 2, 3)));

// How long Lambda still waits for the response, in milliseconds. Zero when the deadline has passed.
uint64_t guesthouse_remaining_ms(const guesthouse_context *context);

// One JSON value, as a part of the text that it was read from. Numbers stay as they were written. Where there is no
// value, `at` is NULL.
typedef struct {
    const char *at;
    size_t length;
} guesthouse_json;

// The value that the text is. None where it is not JSON, or nested more than 256 deep.
guesthouse_json guesthouse_json_read(const char *text);

// The same for a handler's event; where it is none, the error `InvalidEvent` is set, and the handler is to return NULL.
guesthouse_json guesthouse_json_event(const char *event);

// An object's member. None where there is none, or it is no object.
guesthouse_json guesthouse_json_member(guesthouse_json object, const char *name);

// A string's text, from `malloc`. NULL where the value is no string, or has a `\u0000`, where a text would end in C.
char *guesthouse_json_string(guesthouse_json value);

// The number, or `otherwise` where the value is none. Integers above 2^53 lose digits; what is too large is infinite.
double guesthouse_json_number(guesthouse_json value, double otherwise);

// The text as a JSON string with its quotes, from `malloc`; `null` for NULL. Never NULL: without memory the guest ends.
char *guesthouse_json_quote(const char *text);

// How a call for a streamed response ended.
typedef enum {
    GUESTHOUSE_STREAM_OK = 0,
    // No event is being handled, or its response was opened already, or was not opened yet.
    GUESTHOUSE_STREAM_WRONG_STATE,
    // The content type can't stand in a header.
    GUESTHOUSE_STREAM_INVALID_TYPE,
    // Nobody receives the rest: the caller, the time or the limit of the size ended the response.
    GUESTHOUSE_STREAM_CLOSED,
} guesthouse_stream;

// Begins a streamed response of this media type, at most once for an event; is in `stream.c`. The text that the handler
// returns is not sent then. An error that it returns ends the response with that error.
guesthouse_stream guesthouse_stream_open(const char *content_type);

// The same for an HTTP response with a body, as function URLs and API Gateway take it where they stream responses. The
// head is JSON, as `{"statusCode":200,"headers":{"content-type":"text/plain"},"cookies":["a=1"]}`.
guesthouse_stream guesthouse_stream_open_http(const char *head);

// Sends a piece of the response, and returns when the host has taken it.
guesthouse_stream guesthouse_stream_write(const void *bytes, size_t length);

// A header's name and value, as texts.
typedef struct {
    const char *name;
    const char *value;
} guesthouse_header;

// What is asked of a server. What is zero or NULL has the value that its comment says.
typedef struct {
    // `http://…` or `https://…`.
    const char *url;
    // NULL is `GET`.
    const char *method;
    // The length of the body and the connection's own headers are not among them: the SDK and the host set those.
    const guesthouse_header *headers;
    size_t header_count;
    const void *body;
    size_t body_length;
    // How long the whole takes at most, until the response's last byte. Zero is until the invocation's deadline.
    uint64_t timeout_ms;
    // How long the response's body may be. Zero is what the guest's memory holds.
    size_t body_limit;
} guesthouse_request;

// What the server responded with, or why it did not.
typedef struct {
    int status;
    // The names are in lower case.
    guesthouse_header *headers;
    size_t header_count;
    // A zero byte stands behind it.
    char *body;
    size_t body_length;
    // NULL where there is a response; else WASI's name of the error, such as `connection-refused`, or `timeout`.
    const char *error;
    // The error in a sentence; NULL where there is none.
    char *error_text;
} guesthouse_response;

// Sends the request and waits for the whole response; is in `fetch.c`. True where a server responded, with whatever
// status. Redirects are not followed, and bodies are not decompressed. Either way the response is to be freed.
bool guesthouse_fetch(const guesthouse_request *request, guesthouse_response *response);

// Frees what `guesthouse_fetch` put into the response.
void guesthouse_response_free(guesthouse_response *response);

// The value of the response's first header of this name, in any case of letters. NULL where there is none.
const char *guesthouse_response_header(const guesthouse_response *response, const char *name);

#ifdef __cplusplus
}
#endif

#endif
