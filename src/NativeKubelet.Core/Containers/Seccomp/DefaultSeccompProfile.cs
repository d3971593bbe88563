using System.Collections.Immutable;
using NativeKubelet.Api.Oci;

namespace NativeKubelet.Core.Containers.Seccomp;

/// <summary>
/// RuntimeDefault: every call that ordinary programs need is allowed, and nothing else. What only some capability makes
/// useful comes with that capability; what would make new namespaces, load code into the kernel, or reach another
/// container's keys stays out.
/// </summary>
public static class DefaultSeccompProfile
{
    private const string Allow = "SCMP_ACT_ALLOW", Error = "SCMP_ACT_ERRNO", Equal = "SCMP_CMP_EQ";
    private const uint NotPermitted = 1, NotImplemented = 38;

    /// <summary>CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET.</summary>
    private const ulong NewNamespaces = 0x7E020000;

    private const ulong AfVsock = 40;

    /// <summary>In the form of a profile file; <see cref="SeccompProfile.Resolve"/> makes a container's filter of it.</summary>
    public static SeccompFile File { get; } = new(DefaultAction: Error, DefaultErrnoRet: NotPermitted, Syscalls: [.. Always(), .. Conditional(), .. WithCapability()]);

    public static RuntimeSeccomp For(ImmutableArray<string> capabilities, SeccompMachine machine) =>
        SeccompProfile.Resolve(File with { Architectures = machine.Architectures }, capabilities, machine);

    private static IEnumerable<SeccompRule> Always() =>
    [
        Rule("""
            accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime clock_adjtime64
            clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect
            copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
            epoll_wait_old eventfd eventfd2 execve execveat exit exit_group
            """),
        Rule("""
            faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
            fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync
            ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat
            """),
        Rule("""
            get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups
            getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid
            getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat
            """),
        Rule("""
            inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents
            io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset
            landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr _llseek
            lremovexattr lseek lsetxattr lstat lstat64
            """),
        Rule("""
            madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap
            mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
            mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open
            openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl
            pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2
            """),
        Rule("""
            read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr
            removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
            rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
            """),
        Rule("""
            sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
            sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
            seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list
            set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
            setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt
            setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn
            socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo
            """),
        Rule("""
            tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
            timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit
            umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
            """),
    ];

    private static IEnumerable<SeccompRule> Conditional() =>
    [
        // Before Linux 4.8 a tracer could change a call after the filter had let it pass.
        Rule("ptrace") with { Includes = new(MinKernel: "4.8") },
        // Sockets to the hypervisor pass by every network policy.
        Rule("socket") with { Args = [new(0, AfVsock, "SCMP_CMP_NE")] },
        // The execution domains that programs ask for; the others switch off address randomisation for good.
        .. ((ulong[])[0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF]).Select(domain => Rule("personality") with { Args = [new(0, domain, Equal)] }),
        Rule("clone") with { Args = [new(0, NewNamespaces, "SCMP_CMP_MASKED_EQ", 0)], Excludes = new(Caps: ["CAP_SYS_ADMIN"], Arches: ["s390", "s390x"]) },
        Rule("clone") with { Args = [new(1, NewNamespaces, "SCMP_CMP_MASKED_EQ", 0)], Includes = new(Arches: ["s390", "s390x"]), Excludes = new(Caps: ["CAP_SYS_ADMIN"]) },
        // Its flags are in memory, where a filter cannot look; "not implemented" makes libraries fall back to clone.
        Rule("clone3") with { Action = Error, ErrnoRet = NotImplemented, Excludes = new(Caps: ["CAP_SYS_ADMIN"]) },
        Rule("arch_prctl") with { Includes = new(Arches: ["amd64", "x32"]) },
        Rule("modify_ldt") with { Includes = new(Arches: ["amd64", "x32", "x86"]) },
        Rule("arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls") with { Includes = new(Arches: ["arm", "arm64"]) },
        Rule("sync_file_range2 swapcontext") with { Includes = new(Arches: ["ppc64le"]) },
        Rule("riscv_flush_icache riscv_hwprobe") with { Includes = new(Arches: ["riscv64"]) },
        Rule("s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr") with { Includes = new(Arches: ["s390", "s390x"]) },
    ];

    private static IEnumerable<SeccompRule> WithCapability() =>
    [
        With("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
        With("CAP_SYS_ADMIN", """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree
            perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
            """),
        With("CAP_SYS_BOOT", "reboot"),
        With("CAP_SYS_CHROOT", "chroot"),
        With("CAP_SYS_MODULE", "delete_module init_module finit_module"),
        With("CAP_SYS_PACCT", "acct"),
        With("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
        With("CAP_SYS_RAWIO", "iopl ioperm"),
        With("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
        With("CAP_SYS_TTY_CONFIG", "vhangup"),
        With("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        With("CAP_SYSLOG", "syslog"),
        With("CAP_BPF", "bpf"),
        With("CAP_PERFMON", "perf_event_open"),
    ];

    private static SeccompRule With(string capability, string names) => Rule(names) with { Includes = new(Caps: [capability]) };

    private static SeccompRule Rule(string names) => new(Names: names.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries), Action: Allow);
}
