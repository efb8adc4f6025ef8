/*
 * tlsd: the child that holds private keys and handshakes, and nothing else. It is given the
 * configuration and a bundle of the files that it names; workers are linked to it one line each
 * (wire/tlsmsg). No socket of the network, no file, no byte of any application.
 *
 * Its configuration never changes: a reload makes a new generation of it and drains this one,
 * which takes no further line and leaves when its workers have closed those that it has.
 */
#ifndef ZT_TLSD_H
#define ZT_TLSD_H

int tlsd_main(int argc, char **argv);    /* zt --child tlsd EPOCH */
int id_tlsd_main(int argc, char **argv); /* id-tlsd: of an identity, by CONF_FOR_ID_TLSD */
int ca_tlsd_main(int argc, char **argv); /* ca-tlsd: of the authority's endpoint, by CONF_FOR_CA_TLSD */

#endif
