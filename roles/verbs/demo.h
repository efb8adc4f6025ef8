/* demo: what demo.c and demoapp.c share. Nobody else includes this. */
#ifndef ZT_DEMO_H
#define ZT_DEMO_H

#include <stdbool.h>

int demo_app(unsigned port); /* zt demo --app PORT: the sample app, until a signal ends it */

int demo_usage(const char *usage);                       /* prints it, answers the exit code */
void demo_show_tail(const char *dir, const char *name);  /* last lines of a file, to stderr */
bool demo_ready(unsigned port);                          /* 127.0.0.1:port/ready says 200 */
void demo_remove(const char *dir);                       /* and all that is in it */

#endif
