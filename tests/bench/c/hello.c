// Greets whoever the event names, `{"name": "…"}`. What the name escapes stays escaped, so it is not decoded and encoded again.

#include <stdlib.h>
#include <string.h>

#include "function.h"

static const char KEY[] = "\"name\"";
static const char BEFORE[] = "{\"message\":\"Hello ";
static const char AFTER[] = "!\"}";

static const char *skip_spaces(const char *at, const char *end) {
    while (at < end && strchr(" \t\r\n", *at) != NULL) at++;
    return at;
}

// The text between the quotes of the first member `name`; NULL where there is none.
static const char *find_name(const function_string_t *event, size_t *length) {
    const char *at = (const char *)event->ptr, *end = at + event->len;
    const size_t key = sizeof KEY - 1;
    for (; (size_t)(end - at) > key; at++) {
        if (memcmp(at, KEY, key) != 0) continue;
        const char *value = skip_spaces(at + key, end);
        if (value == end || *value != ':') continue;
        value = skip_spaces(value + 1, end);
        if (value == end || *value != '"') continue;
        const char *close = ++value;
        while (close < end && *close != '"') close += *close == '\\' ? 2 : 1;
        if (close >= end) return NULL;
        *length = (size_t)(close - value);
        return value;
    }
    return NULL;
}

bool exports_guesthouse_lambda_handler_handle(function_string_t *event, exports_guesthouse_lambda_handler_context_t *context,
                                              function_string_t *answer,
                                              exports_guesthouse_lambda_handler_handler_error_t *error) {
    size_t length = 0;
    const char *name = find_name(event, &length);
    if (name == NULL) {
        function_string_dup(&error->error_type, "InvalidEvent");
        function_string_dup(&error->error_message, "the event has no `name`");
        error->stack_trace.ptr = NULL;
        error->stack_trace.len = 0;
    } else {
        const size_t before = sizeof BEFORE - 1, after = sizeof AFTER - 1;
        answer->len = before + length + after;
        answer->ptr = malloc(answer->len);
        if (answer->ptr == NULL) abort();
        memcpy(answer->ptr, BEFORE, before);
        memcpy(answer->ptr + before, name, length);
        memcpy(answer->ptr + before + length, AFTER, after);
    }
    function_string_free(event);
    exports_guesthouse_lambda_handler_context_free(context);
    return name != NULL;
}
