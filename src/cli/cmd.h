/* The subcommands of `sotto`: one file each, one function each. argv[0] is the subcommand's name.
 *
 * Exit codes: 0 done (verify: verified), 10 simulated, 11 refused, 12 undecided (verify, and any command that stops
 * because of a verdict), 2 usage, 1 anything else. Results go to stdout, messages and progress to stderr. */
#ifndef SOTTO_CLI_CMD_H
#define SOTTO_CLI_CMD_H

#include "base/err.h"

int cmd_collateral(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_quote(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* `sotto policy new`. */
int policy_write(int argc, char **argv);

/* The readers behind `sotto inspect WHAT` (docs/formats.md, section 10). */
int inspect_model(int argc, char **argv);
int inspect_tokens(int argc, char **argv);
int inspect_text(int argc, char **argv);
int inspect_chat(int argc, char **argv);
int inspect_tensor(int argc, char **argv);
int inspect_blocks(int argc, char **argv);
int inspect_logits(int argc, char **argv);
int inspect_greedy(int argc, char **argv);
int inspect_quote(int argc, char **argv);
int inspect_log(int argc, char **argv);

#endif
