// As much of JSON (RFC 8259) as handlers need: to read parts of a text, and to write strings.

#include "guesthouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 256

static const guesthouse_json NONE = {NULL, 0};

static const char *skip_spaces(const char *at) { return at + strspn(at, " \t\r\n"); }

static int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

// Four hexadecimal digits, or -1.
static int code_unit(const char *at) {
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(at[i]);
        if (digit < 0) return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

// Each of these returns where its part ends, and NULL where there is no such part.

static const char *string_end(const char *at) {
    if (*at++ != '"') return NULL;
    while (*at != '"') {
        if ((unsigned char)*at < ' ') return NULL;
        if (*at++ != '\\') continue;
        if (*at == 'u') {
            if (code_unit(at + 1) < 0) return NULL;
            at += 5;
        } else {
            if (*at == 0 || strchr("\"\\/bfnrt", *at) == NULL) return NULL;
            at++;
        }
    }
    return at + 1;
}

static const char *digits_end(const char *at) {
    const size_t digits = strspn(at, "0123456789");
    return digits == 0 ? NULL : at + digits;
}

static const char *number_end(const char *at) {
    if (*at == '-') at++;
    at = *at == '0' ? at + 1 : digits_end(at);
    if (at != NULL && *at == '.') at = digits_end(at + 1);
    if (at != NULL && (*at == 'e' || *at == 'E')) {
        at++;
        if (*at == '+' || *at == '-') at++;
        at = digits_end(at);
    }
    return at;
}

static const char *value_end(const char *at, int depth);

static const char *list_end(const char *at, char close, int depth) {
    if (depth == 0) return NULL;
    at = skip_spaces(at + 1);
    if (*at == close) return at + 1;
    for (;;) {
        if (close == '}') {
            at = string_end(at);
            if (at == NULL || *(at = skip_spaces(at)) != ':') return NULL;
            at = skip_spaces(at + 1);
        }
        at = value_end(at, depth - 1);
        if (at == NULL) return NULL;
        at = skip_spaces(at);
        if (*at == close) return at + 1;
        if (*at != ',') return NULL;
        at = skip_spaces(at + 1);
    }
}

static const char *value_end(const char *at, int depth) {
    switch (*at) {
    case '{': return list_end(at, '}', depth);
    case '[': return list_end(at, ']', depth);
    case '"': return string_end(at);
    case 't': return strncmp(at, "true", 4) == 0 ? at + 4 : NULL;
    case 'f': return strncmp(at, "false", 5) == 0 ? at + 5 : NULL;
    case 'n': return strncmp(at, "null", 4) == 0 ? at + 4 : NULL;
    default: return number_end(at);
    }
}

guesthouse_json guesthouse_json_read(const char *text) {
    const char *start = skip_spaces(text), *end = value_end(start, DEPTH);
    if (end == NULL || *skip_spaces(end) != 0) return NONE;
    return (guesthouse_json){start, (size_t)(end - start)};
}

guesthouse_json guesthouse_json_event(const char *event) {
    const guesthouse_json value = guesthouse_json_read(event);
    if (value.at == NULL) guesthouse_error("InvalidEvent", "the event is not JSON");
    return value;
}

// A value was read as a whole before any part of it is used, so its parts are well formed.
guesthouse_json guesthouse_json_member(guesthouse_json object, const char *name) {
    if (object.at == NULL || *object.at != '{') return NONE;
    const char *at = skip_spaces(object.at + 1);
    guesthouse_json found = NONE;
    while (*at == '"') {
        const char *end = string_end(at);
        char *key = guesthouse_json_string((guesthouse_json){at, (size_t)(end - at)});
        const char *value = skip_spaces(skip_spaces(end) + 1);
        end = value_end(value, DEPTH);
        // Of several, the last one counts, as elsewhere.
        if (key != NULL && strcmp(key, name) == 0) found = (guesthouse_json){value, (size_t)(end - value)};
        free(key);
        at = skip_spaces(end);
        if (*at == ',') at = skip_spaces(at + 1);
    }
    return found;
}

static char *put_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

// `at` is behind the `u`. A surrogate without its other half becomes the replacement character.
static const char *decode_unit(const char *at, char **to) {
    unsigned code = (unsigned)code_unit(at);
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && at[0] == '\\' && at[1] == 'u') {
        const int low = code_unit(at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned)low - 0xdc00);
            at += 6;
        }
    }
    *to = put_utf8(*to, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return at;
}

char *guesthouse_json_string(guesthouse_json value) {
    if (value.at == NULL || *value.at != '"') return NULL;
    // Nothing is longer decoded than escaped.
    char *text = malloc(value.length), *to = text;
    if (text == NULL) abort();
    const char *at = value.at + 1, *end = value.at + value.length - 1;
    while (at < end) {
        if (strncmp(at, "\\u0000", 6) == 0) {
            free(text);
            return NULL;
        }
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        switch (*at++) {
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'u': at = decode_unit(at, &to); break;
        default: *to++ = at[-1];
        }
    }
    *to = 0;
    return text;
}

double guesthouse_json_number(guesthouse_json value, double otherwise) {
    const bool is_number = value.at != NULL && strchr("-0123456789", *value.at) != NULL;
    return is_number ? strtod(value.at, NULL) : otherwise;
}

char *guesthouse_json_quote(const char *text) {
    // Each byte may become six, as in `\u0001`.
    char *quoted = malloc(text == NULL ? sizeof "null" : 6 * strlen(text) + sizeof "\"\""), *to = quoted;
    if (quoted == NULL) abort();
    if (text == NULL) return strcpy(quoted, "null");
    *to++ = '"';
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') {
            *to++ = '\\';
            *to++ = *text;
        } else if ((unsigned char)*text < ' ') {
            to += sprintf(to, "\\u%04x", (unsigned)*text);
        } else {
            *to++ = *text;
        }
    }
    *to++ = '"';
    *to = 0;
    return quoted;
}
