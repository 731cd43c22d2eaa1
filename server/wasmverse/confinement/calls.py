"""Numbers of system calls on the two processors that Wasmverse knows, and which of them a confined process may make.

Each entry is a name, its number on x86_64 and its number on aarch64 ("-": that processor has none). The kernel never
changes a number; they are those of <asm/unistd_64.h> and <asm-generic/unistd.h>.
"""

from __future__ import annotations

import os

AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""How a seccomp filter is told the processor's calling convention: <linux/audit.h>."""

_COMPUTING = """
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; close 3 57;
close_range 436 436; lseek 8 62; dup 32 23; dup2 33 -; dup3 292 24; fcntl 72 25; ioctl 16 29; fstat 5 80;
newfstatat 262 79; stat 4 -; lstat 6 -; statx 332 291; statfs 137 43; fstatfs 138 44; access 21 -;
faccessat 269 48; faccessat2 439 439; readlink 89 -; readlinkat 267 78; getcwd 79 17; chdir 80 49;
getdents64 217 61; open 2 -; openat 257 56; umask 95 166; pipe2 293 59; eventfd2 290 19; poll 7 -;
ppoll 271 73; select 23 -; pselect6 270 72; epoll_create1 291 20; epoll_ctl 233 21; epoll_wait 232 -;
epoll_pwait 281 22; epoll_pwait2 441 441; recvfrom 45 207; sendto 44 206; shutdown 48 210;
getsockname 51 204; getpeername 52 205; getsockopt 55 209; mmap 9 222; munmap 11 215; mremap 25 216;
mprotect 10 226; madvise 28 233; msync 26 227; mincore 27 232; mlock 149 228; munlock 150 229; brk 12 214;
memfd_create 319 279; ftruncate 77 46; fadvise64 221 223; membarrier 324 283; futex 202 98;
futex_waitv 449 449; set_robust_list 273 99; get_robust_list 274 100; rseq 334 293; set_tid_address 218 96;
clone 56 220; clone3 435 435; exit 60 93; exit_group 231 94; restart_syscall 219 128; sched_yield 24 124;
rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139; rt_sigpending 127 136;
rt_sigtimedwait 128 137; rt_sigsuspend 130 133; sigaltstack 131 132; pause 34 -; kill 62 129;
tgkill 234 131; getitimer 36 102; setitimer 38 103; timer_create 222 107; timer_settime 223 110;
timer_gettime 224 108; timer_delete 226 111; timerfd_create 283 85; timerfd_settime 286 86;
clock_gettime 228 113; clock_getres 229 114; clock_nanosleep 230 115; nanosleep 35 101; gettimeofday 96 169;
time 201 -; times 100 153; getpid 39 172; gettid 186 178; getppid 110 173; getpgrp 111 -; getpgid 121 155;
getsid 124 156; getuid 102 174; geteuid 107 175; getgid 104 176; getegid 108 177; getresuid 118 148;
getresgid 120 150; getgroups 115 158; capget 125 90; getrlimit 97 163; setrlimit 160 164; prlimit64 302 261;
getrusage 98 165; getpriority 140 141; sched_getaffinity 204 123; sched_getparam 143 121;
sched_getscheduler 145 120; sched_get_priority_max 146 125; sched_get_priority_min 147 126; getcpu 309 168;
uname 63 160; sysinfo 99 179; getrandom 318 278; arch_prctl 158 -; prctl 157 167; get_mempolicy 239 236
"""
"""What Python, DuckDB, Arrow and wasmtime need to compute with memory, threads, inherited sockets and files that may be
opened."""

_CHANGING_FILES = """
mkdir 83 -; mkdirat 258 34; rmdir 84 -; unlink 87 -; unlinkat 263 35; rename 82 -; renameat 264 38;
renameat2 316 276; link 86 -; linkat 265 37; symlink 88 -; symlinkat 266 36; truncate 76 45;
fallocate 285 47; fsync 74 82; fdatasync 75 83; flock 73 32; pwritev 296 70; preadv 295 69;
sync_file_range 277 84; copy_file_range 326 285; sendfile 40 71
"""
"""What the universe needs besides, for its database and its snapshots. None of these changes who owns a file or who may open
it, since Landlock does not check chmod, chown, extended attributes and times."""

_CONNECTING = """
socket 41 198; connect 42 203; setsockopt 54 208; sendmsg 46 211; sendmmsg 307 269; recvmsg 47 212
"""
"""What it takes to find a server by its name and to connect to it."""

_REFUSED = """
execve 59 221; execveat 322 281; fork 57 -; vfork 58 -; ptrace 101 117; process_vm_readv 310 270;
process_vm_writev 311 271; tkill 200 130; rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240;
pidfd_open 434 434; pidfd_getfd 438 438; pidfd_send_signal 424 424; kcmp 312 272; socket 41 198;
socketpair 53 199; connect 42 203; bind 49 200; listen 50 201; accept 43 202; accept4 288 242;
sendmsg 46 211; sendmmsg 307 269; recvmsg 47 212; recvmmsg 299 243; mount 165 40; umount2 166 39;
pivot_root 155 41; chroot 161 51; move_mount 429 429; open_tree 428 428; fsopen 430 430; fsconfig 431 431;
fsmount 432 432; fspick 433 433; mount_setattr 442 442; unshare 272 97; setns 308 268; setuid 105 146;
setgid 106 144; setreuid 113 145; setregid 114 143; setresuid 117 147; setresgid 119 149; setgroups 116 159;
setfsuid 122 151; setfsgid 123 152; capset 126 91; setpgid 109 154; setsid 112 157; chmod 90 -;
fchmod 91 52; fchmodat 268 53; fchmodat2 452 452; chown 92 -; fchown 93 55; lchown 94 -; fchownat 260 54;
setxattr 188 5; lsetxattr 189 6; fsetxattr 190 7; removexattr 197 14; lremovexattr 198 15;
fremovexattr 199 16; utime 132 -; utimes 235 -; futimesat 261 -; utimensat 280 88; mknod 133 -;
mknodat 259 33; setpriority 141 140; sched_setaffinity 203 122; sched_setscheduler 144 119;
sched_setparam 142 118; sched_setattr 314 274; ioprio_set 251 30; process_madvise 440 440;
process_mrelease 448 448; migrate_pages 256 238; move_pages 279 239; bpf 321 280; perf_event_open 298 241;
userfaultfd 323 282; io_uring_setup 425 425; io_uring_enter 426 426; io_uring_register 427 427;
keyctl 250 219; add_key 248 217; request_key 249 218; name_to_handle_at 303 264; open_by_handle_at 304 265;
quotactl 179 60; quotactl_fd 443 443; init_module 175 105; finit_module 313 273; delete_module 176 106;
kexec_load 246 104; kexec_file_load 320 294; reboot 169 142; swapon 167 224; swapoff 168 225;
settimeofday 164 170; clock_settime 227 112; clock_adjtime 305 266; adjtimex 159 171; personality 135 92;
acct 163 89; syslog 103 116; sethostname 170 161; setdomainname 171 162; iopl 172 -; ioperm 173 -;
modify_ldt 154 -; vhangup 153 58; lookup_dcookie 212 18; fanotify_init 300 262; fanotify_mark 301 263
"""
"""Calls that every kernel has, which therefore fail as not permitted; all others fail as on a kernel without them."""

_CONFINING = """
seccomp 317 277; landlock_create_ruleset 444 444; landlock_add_rule 445 445; landlock_restrict_self 446 446
"""
"""What confining a process takes."""


def _numbers(table: str, machine: str) -> dict[str, int]:
    column = {"x86_64": 1, "aarch64": 2}[machine]
    entries = (entry.split() for entry in table.replace("\n", " ").split(";"))
    return {entry[0]: int(entry[column]) for entry in entries if entry[column] != "-"}


def computing(machine: str) -> dict[str, int]:
    """Calls of a process that changes no file."""
    return _numbers(_COMPUTING, machine)


def changing_files(machine: str) -> dict[str, int]:
    """Further calls of a process that changes files."""
    return _numbers(_CHANGING_FILES, machine)


def connecting(machine: str) -> dict[str, int]:
    """Further calls of a process that may open connections."""
    return _numbers(_CONNECTING, machine)


def refused(machine: str) -> dict[str, int]:
    """Calls that fail as not permitted."""
    return _numbers(_REFUSED, machine)


def number_of(name: str) -> int | None:
    """The number of any call named here on this machine; None on a processor that is not known."""
    # The module ``platform`` would say the same, but is large.
    machine = os.uname().machine if hasattr(os, "uname") else ""
    if machine not in AUDIT_ARCHITECTURES:
        return None
    for table in (_COMPUTING, _CHANGING_FILES, _CONNECTING, _REFUSED, _CONFINING):
        number = _numbers(table, machine).get(name)
        if number is not None:
            return number
    return None
