// The contract `guesthouse:lambda/handler@0.1.0` as the component model's canonical ABI has it.

#define _GNU_SOURCE

#include "guesthouse.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The fields stand where the ABI has them, because C lays structs out in the same way on this target. The assertions
// below check that.
typedef struct {
    char *at;
    size_t length;
} text;

typedef struct {
    uint8_t there;
    text value;
} optional_text;

typedef struct {
    text event, request_id, function_name, function_version, invoked_function_arn;
    uint32_t memory_limit_mib;
    text log_group_name, log_stream_name;
    uint64_t deadline_ms;
    optional_text trace_id, client_context;
    struct {
        uint8_t there;
        text id, pool_id;
    } identity;
    optional_text tenant_id;
} call;

typedef struct {
    uint8_t is_error;
    // The response, or the error's type.
    text first;
    text message;
    text stack_trace;
} result;

// The offsets and sizes that the canonical ABI gives the records of `wit/`. A change of the contract changes these.
#define AT(record, field, offset) _Static_assert(offsetof(record, field) == offset, #record "." #field)
#define SIZE(record, bytes) _Static_assert(sizeof(record) == bytes, #record)
AT(text, at, 0);
AT(text, length, 4);
SIZE(text, 8);
AT(optional_text, there, 0);
AT(optional_text, value, 4);
SIZE(optional_text, 12);
AT(call, event, 0);
AT(call, request_id, 8);
AT(call, function_name, 16);
AT(call, function_version, 24);
AT(call, invoked_function_arn, 32);
AT(call, memory_limit_mib, 40);
AT(call, log_group_name, 44);
AT(call, log_stream_name, 52);
AT(call, deadline_ms, 64);
AT(call, trace_id, 72);
AT(call, client_context, 84);
AT(call, identity.there, 96);
AT(call, identity.id, 100);
AT(call, identity.pool_id, 108);
AT(call, tenant_id, 116);
SIZE(call, 128);
AT(result, is_error, 0);
AT(result, first, 4);
AT(result, message, 12);
AT(result, stack_trace, 20);
SIZE(result, 28);

static result last;

#define EXPORT(name) __attribute__((export_name(name)))

// The host asks for the memory of what it hands over. A byte more is for the zero at a text's end.
EXPORT("cabi_realloc") void *guesthouse_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size, (void)align;
    char *memory = realloc(old, size + 1);
    if (memory == NULL) abort();
    memory[size] = 0;
    return memory;
}

static const char *or_empty(text text) { return text.length == 0 ? "" : text.at; }

static const char *or_null(optional_text text) { return text.there ? or_empty(text.value) : NULL; }

// Empty ones have memory, too: the host asks for it.
static void release(text text) { free(text.at); }

static void release_optional(optional_text text) {
    if (text.there) release(text.value);
}

static void release_call(call *call) {
    release(call->event);
    release(call->request_id);
    release(call->function_name);
    release(call->function_version);
    release(call->invoked_function_arn);
    release(call->log_group_name);
    release(call->log_stream_name);
    release_optional(call->trace_id);
    release_optional(call->client_context);
    if (call->identity.there) {
        release(call->identity.id);
        release(call->identity.pool_id);
    }
    release_optional(call->tenant_id);
    free(call);
}

EXPORT("guesthouse:lambda/handler@0.1.0#handle") result *guesthouse_handle(call *call) {
    const guesthouse_context context = {
        .request_id = or_empty(call->request_id),
        .function_name = or_empty(call->function_name),
        .function_version = or_empty(call->function_version),
        .invoked_function_arn = or_empty(call->invoked_function_arn),
        .memory_limit_mib = call->memory_limit_mib,
        .log_group_name = or_empty(call->log_group_name),
        .log_stream_name = or_empty(call->log_stream_name),
        .deadline_ms = call->deadline_ms,
        .trace_id = or_null(call->trace_id),
        .client_context = or_null(call->client_context),
        .identity_id = call->identity.there ? or_empty(call->identity.id) : NULL,
        .identity_pool_id = call->identity.there ? or_empty(call->identity.pool_id) : NULL,
        .tenant_id = or_null(call->tenant_id),
    };
    last = (result){0};
    char *response = NULL;
    if (call->event.length > 0 && memchr(call->event.at, 0, call->event.length) != NULL) {
        guesthouse_error("InvalidEvent", "the event is not text: there is a zero byte in it");
    } else {
        response = handler(or_empty(call->event), &context);
    }
    // What this invocation printed must not come out in the next one.
    fflush(stdout);
    if (response != NULL) {
        // Where an error was set on the way, there is a response all the same.
        free(last.first.at);
        free(last.message.at);
        last = (result){.first = {response, strlen(response)}};
    } else if (!last.is_error) {
        guesthouse_error(NULL, "the handler returned no response");
    }
    release_call(call);
    return &last;
}

// Called when the host has read the result.
EXPORT("cabi_post_guesthouse:lambda/handler@0.1.0#handle") void guesthouse_handled(result *result) {
    free(result->first.at);
    free(result->message.at);
    memset(result, 0, sizeof *result);
}

char *guesthouse_error(const char *type, const char *format, ...) {
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&message, format, arguments);
    va_end(arguments);
    char *own_type = strdup(type == NULL ? "Error" : type);
    if (length < 0 || own_type == NULL) abort();
    free(last.first.at);
    free(last.message.at);
    last = (result){.is_error = 1, .first = {own_type, strlen(own_type)}, .message = {message, (size_t)length}};
    return NULL;
}

uint64_t guesthouse_remaining_ms(const guesthouse_context *context) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    return context->deadline_ms > now_ms ? context->deadline_ms - now_ms : 0;
}

// Runs when an instance is made.
__attribute__((constructor)) static void start(void) {
    // So that lines on both streams are logged in the order in which they were printed.
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    // Unseeded, C's generators draw the same numbers in each instance.
    unsigned seed = 0;
    if (getentropy(&seed, sizeof seed) == 0) {
        srand(seed);
        srandom(seed);
    }
}
