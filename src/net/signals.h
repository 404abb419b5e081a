/* The signals that end a program, as calls from its loop. */
#ifndef SOTTO_NET_SIGNALS_H
#define SOTTO_NET_SIGNALS_H

#include "net/loop.h"

struct signals;

/* From now on SIGTERM and SIGINT are blocked and call asked() once each; SIGPIPE is ignored. Before any thread is
 * started, once in a process. FILE_IO. */
MUST_USE bool signals_open(struct loop *l, void (*asked)(void *arg), void *arg, struct signals **out, struct err *err);
void signals_close(struct signals *s); /* before the loop's end; the signals stay blocked. NULL is accepted */

#endif
