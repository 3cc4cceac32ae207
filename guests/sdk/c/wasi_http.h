// What `fetch.c` imports of WASI 0.2, as the component model's canonical ABI has it. Not for direct use.
#ifndef GUESTHOUSE_WASI_HTTP_H
#define GUESTHOUSE_WASI_HTTP_H

#include <stdint.h>

// Each function stands as (module, name in WIT, name here, result, parameters). A resource is a number.
#define IMPORT(module, name, function, result, ...) \
    __attribute__((import_module(module "@0.2.0"), import_name(name))) extern result function(__VA_ARGS__)
#define HTTP(name, function, result, ...) IMPORT("wasi:http/types", name, function, result, __VA_ARGS__)
#define STREAMS(name, function, result, ...) IMPORT("wasi:io/streams", name, function, result, __VA_ARGS__)

// The offsets are those of `result<_, error-code>` and its kin: whatever can hold an error code is aligned to 8.
typedef struct {
    uint8_t code;
    // The case's payload; for `internal-error` an `option<string>`.
    _Alignas(8) uint8_t there;
    char *text;
    uint32_t length;
    uint32_t rest[3];
} error_code;
_Static_assert(sizeof(error_code) == 32, "error_code");

// `result<_, error-code>` and `result<future-incoming-response, error-code>`.
typedef struct {
    uint8_t is_error;
    _Alignas(8) union {
        int32_t handle;
        error_code error;
    };
} http_result;
_Static_assert(sizeof(http_result) == 40, "http_result");

// `option<result<result<incoming-response, error-code>>>`.
typedef struct {
    uint8_t there;
    _Alignas(8) uint8_t taken;
    http_result value;
} future_result;
_Static_assert(sizeof(future_result) == 56, "future_result");

// `option<error-code>`.
typedef struct {
    uint8_t there;
    error_code error;
} optional_error;
_Static_assert(sizeof(optional_error) == 40, "optional_error");

// `result<own<…>>`, and `result<fields, header-error>`, whose error is a byte in the same place.
typedef struct {
    uint8_t is_error;
    int32_t handle;
} handle_result;

// `result<list<u8>, stream-error>` and `result<_, stream-error>`. The second case of `stream-error` is `closed`.
typedef struct {
    uint8_t is_error;
    union {
        struct {
            char *at;
            uint32_t length;
        } bytes;
        struct {
            uint8_t closed;
            int32_t error;
        };
    };
} stream_result;
_Static_assert(sizeof(stream_result) == 12, "stream_result");

// `result<u64, stream-error>`.
typedef struct {
    uint8_t is_error;
    _Alignas(8) union {
        uint64_t bytes;
        struct {
            uint8_t closed;
            int32_t error;
        };
    };
} room_result;
_Static_assert(sizeof(room_result) == 16, "room_result");

typedef struct {
    char *at;
    uint32_t length;
} wasi_list;

// `tuple<string, list<u8>>`.
typedef struct {
    wasi_list name, value;
} wasi_field;

HTTP("[static]fields.from-list", fields_from_list, void, const wasi_field *, uint32_t, handle_result *);
HTTP("[method]fields.entries", fields_entries, void, int32_t, wasi_list *);
HTTP("[resource-drop]fields", drop_fields, void, int32_t);
HTTP("[constructor]outgoing-request", new_request, int32_t, int32_t);
HTTP("[method]outgoing-request.set-method", set_method, int32_t, int32_t, int32_t, const char *, uint32_t);
HTTP("[method]outgoing-request.set-scheme", set_scheme, int32_t, int32_t, int32_t, int32_t, const char *, uint32_t);
HTTP("[method]outgoing-request.set-authority", set_authority, int32_t, int32_t, int32_t, const char *, uint32_t);
HTTP("[method]outgoing-request.set-path-with-query", set_path, int32_t, int32_t, int32_t, const char *, uint32_t);
HTTP("[method]outgoing-request.body", request_body, void, int32_t, handle_result *);
HTTP("[resource-drop]outgoing-request", drop_request, void, int32_t);
HTTP("[method]outgoing-body.write", body_write, void, int32_t, handle_result *);
HTTP("[static]outgoing-body.finish", finish_body, void, int32_t, int32_t, int32_t, http_result *);
HTTP("[resource-drop]outgoing-body", drop_outgoing_body, void, int32_t);
HTTP("[method]future-incoming-response.subscribe", future_subscribe, int32_t, int32_t);
HTTP("[method]future-incoming-response.get", future_get, void, int32_t, future_result *);
HTTP("[resource-drop]future-incoming-response", drop_future, void, int32_t);
HTTP("[method]incoming-response.status", response_status, int32_t, int32_t);
HTTP("[method]incoming-response.headers", response_headers, int32_t, int32_t);
HTTP("[method]incoming-response.consume", response_consume, void, int32_t, handle_result *);
HTTP("[resource-drop]incoming-response", drop_response, void, int32_t);
HTTP("[method]incoming-body.stream", body_stream, void, int32_t, handle_result *);
HTTP("[resource-drop]incoming-body", drop_incoming_body, void, int32_t);
HTTP("http-error-code", http_error_code, void, int32_t, optional_error *);

IMPORT("wasi:http/outgoing-handler", "handle", handle_request, void, int32_t, int32_t, int32_t, http_result *);

STREAMS("[method]input-stream.read", stream_read, void, int32_t, uint64_t, stream_result *);
STREAMS("[method]input-stream.subscribe", input_subscribe, int32_t, int32_t);
STREAMS("[resource-drop]input-stream", drop_input, void, int32_t);
STREAMS("[method]output-stream.check-write", check_write, void, int32_t, room_result *);
STREAMS("[method]output-stream.write", stream_write, void, int32_t, const char *, uint32_t, stream_result *);
STREAMS("[method]output-stream.flush", stream_flush, void, int32_t, stream_result *);
STREAMS("[method]output-stream.subscribe", output_subscribe, int32_t, int32_t);
STREAMS("[resource-drop]output-stream", drop_output, void, int32_t);

IMPORT("wasi:io/error", "[resource-drop]error", drop_error, void, int32_t);
IMPORT("wasi:io/poll", "poll", poll_list, void, const int32_t *, uint32_t, wasi_list *);
IMPORT("wasi:io/poll", "[resource-drop]pollable", drop_pollable, void, int32_t);
IMPORT("wasi:clocks/monotonic-clock", "subscribe-duration", subscribe_duration, int32_t, uint64_t);

#endif
