// hog MiB: touches that much memory in steps of 1 MiB, says so, and waits to be killed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const size_t mebibyte = 1 << 20;
  long wanted = argc > 1 ? atol(argv[1]) : 1 << 20;
  for (long i = 0; i < wanted; i++) {
    char *step = malloc(mebibyte);
    if (!step) return 3;
    memset(step, 1, mebibyte);
  }
  printf("done %ld\n", wanted);
  fflush(stdout);
  for (;;) pause();
}
