/*
 * roles: every entry point that main.c can dispatch to, and nothing else. A role
 * (roles/NAME.c, or a folder) runs until it is told to stop; a verb (roles/verbs/NAME.c) asks
 * something and ends. argv[0] is the name it was called by; the answer is the exit code
 * (enum zt_exit). Usage texts live in the role's or verb's own file.
 */
#ifndef ZT_ROLES_H
#define ZT_ROLES_H

int echo_main(int argc, char **argv);
int echo_worker_main(int argc, char **argv); /* its jailed child */
int relay_main(int argc, char **argv);
int relay_worker_main(int argc, char **argv);

int edge_main(int argc, char **argv);
int edge_worker_main(int argc, char **argv); /* its jailed child */

int connector_main(int argc, char **argv);
int connector_worker_main(int argc, char **argv); /* its jailed child */
int connector_join_main(int argc, char **argv);   /* roles/verbs/join.c */
int edge_join_main(int argc, char **argv);
/* For `zt connector` that has a join token in its environment and no identity yet: it joins first. -1: go on; else the
 * exit code. roles/verbs/joinfirst.c */
int connector_join_first(int argc, char **argv);

int ca_main(int argc, char **argv);
int ca_front_main(int argc, char **argv); /* its jailed children */
int ca_sign_main(int argc, char **argv);

int check_main(int argc, char **argv);
int status_main(int argc, char **argv);
int reload_main(int argc, char **argv);
int upgrade_main(int argc, char **argv);
int health_main(int argc, char **argv);
int demo_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int journal_main(int argc, char **argv);
int net_main(int argc, char **argv);
int tls_main(int argc, char **argv);
int token_main(int argc, char **argv);
int join_main(int argc, char **argv);
int id_main(int argc, char **argv);
int ingress_main(int argc, char **argv); /* zt connector ingress */

#endif
