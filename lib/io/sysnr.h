/*
 * sysnr: numbers of system calls that some C library's headers do not know: SYS_NONE where
 * the processor never had the call (newer ports have only the ...at() forms), the number
 * where the header is merely older than the kernel (from 424 on all processors agree).
 */
#ifndef ZT_SYSNR_H
#define ZT_SYSNR_H

#include <sys/syscall.h>

#define SYS_NONE (-1)

#ifndef __NR_open
#define __NR_open SYS_NONE
#endif
#ifndef __NR_stat
#define __NR_stat SYS_NONE
#endif
#ifndef __NR_lstat
#define __NR_lstat SYS_NONE
#endif
#ifndef __NR_access
#define __NR_access SYS_NONE
#endif
#ifndef __NR_readlink
#define __NR_readlink SYS_NONE
#endif
#ifndef __NR_rename
#define __NR_rename SYS_NONE
#endif
#ifndef __NR_renameat
#define __NR_renameat SYS_NONE
#endif
#ifndef __NR_unlink
#define __NR_unlink SYS_NONE
#endif
#ifndef __NR_mkdir
#define __NR_mkdir SYS_NONE
#endif
#ifndef __NR_poll
#define __NR_poll SYS_NONE
#endif
#ifndef __NR_epoll_wait
#define __NR_epoll_wait SYS_NONE
#endif
#ifndef __NR_modify_ldt
#define __NR_modify_ldt SYS_NONE
#endif
#ifndef __NR_iopl
#define __NR_iopl SYS_NONE
#endif
#ifndef __NR_ioperm
#define __NR_ioperm SYS_NONE
#endif
#ifndef __NR_kexec_file_load
#define __NR_kexec_file_load SYS_NONE
#endif

#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#define __NR_io_uring_enter 426
#define __NR_io_uring_register 427
#endif
#ifndef __NR_open_tree
#define __NR_open_tree 428
#define __NR_move_mount 429
#define __NR_fsopen 430
#define __NR_fsconfig 431
#define __NR_fsmount 432
#define __NR_fspick 433
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

#endif
