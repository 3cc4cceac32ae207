// Counts the lines, words and bytes of its standard input.

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

int main(void) {
    unsigned long lines = 0, words = 0, bytes = 0;
    bool in_word = false;
    int last = '\n';
    for (int byte; (byte = getchar()) != EOF; last = byte) {
        bytes++;
        if (last == '\n') lines++;
        if (!isspace(byte) && !in_word) words++;
        in_word = !isspace(byte);
    }
    printf("{\"lines\":%lu,\"words\":%lu,\"bytes\":%lu}\n", lines, words, bytes);
    return ferror(stdin) != 0;
}
