/* demo: what demo.c and demoapp.c share. Nobody else includes this. */
#ifndef ZT_DEMO_H
#define ZT_DEMO_H

int demo_app(unsigned port); /* zt demo --app PORT: the sample app, until a signal ends it */

#endif
