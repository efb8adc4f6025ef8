/* The verbs that ask a running role through its control socket: status, reload, upgrade, health. */
#include "base/err.h"
#include "roles/roles.h"
#include "serve/askrole.h"

int status_main(int argc, char **argv)
{
	static const struct ask_verb v = {
		.name = "status",
		.about = "What the running roles are doing: health, listeners, children, counters.\n"
			 "It answers with exit code 0 also when the role is not healthy: 'health' judges.\n"
			 "Exit: 0 told, 5 no role runs, 2 wrong use, 1 anything else.",
		.line = "status",
		.line_json = "status json",
		.timeout_ms = 5000,
		.absent_code = EXIT_ZT_UNREACHABLE,
	};
	return ask_role(&v, argc, argv);
}

int reload_main(int argc, char **argv)
{
	static const struct ask_verb v = {
		.name = "reload",
		.about = "Make the running role read its configuration again. All or nothing: with any\n"
			 "fault the old configuration goes on, the faults are printed and the exit code is 3.\n"
			 "Other codes: 0 reloaded, 5 no role runs (or an address of the new configuration is\n"
			 "not this machine's), 7 an address is in use, 2 wrong use, 1 anything else.",
		.line = "reload",
		.timeout_ms = 25000, /* children have 5 s to say whether it would work, and 10 s to start for it */
		.absent_code = EXIT_ZT_UNREACHABLE,
	};
	return ask_role(&v, argc, argv);
}

int upgrade_main(int argc, char **argv)
{
	static const struct ask_verb v = {
		.name = "upgrade",
		.about = "Replace the running role by the program that lies at its path now: the new one reads its\n"
			 "configuration and serves, then the old one finishes what it began. With any fault the\n"
			 "running one goes on, and the reason is printed. Exit: 0 upgraded, 3 the new program refuses\n"
			 "the configuration, 5 no role runs, 7 try again, 2 wrong use, 1 anything else.",
		.line = "upgrade",
		.timeout_ms = 60000, /* 10 s for each step, 5 for each child that has to be alone */
		.absent_code = EXIT_ZT_UNREACHABLE,
	};
	return ask_role(&v, argc, argv);
}

int health_main(int argc, char **argv)
{
	static const struct ask_verb v = {
		.name = "health",
		.about = "Exit 0 when the running role is healthy, else 1: for HEALTHCHECK and monitors.",
		.line = "health",
		.timeout_ms = 3000,
		.absent_code = EXIT_ZT_FAILED, /* monitors know 0 and 1 only */
	};
	return ask_role(&v, argc, argv);
}
