/* What the tests run inside sandboxes. Compiled statically; one verb each.
 *
 * `attempt NAME` tries to do what a sandbox must not: it prints `done` when it could, else the number of the error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__) < 0 ? -1 : fflush(stdout))

static int serve(int port) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) {
        perror("listen");
        return 1;
    }
    SAY("listening\n");
    for (;;) {
        char request[1024];
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) continue;
        if (read(connection, request, sizeof request) > 0) {
            const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            if (write(connection, answer, strlen(answer)) < 0) perror("write");
        }
        close(connection);
    }
}

static int eat(long megabytes) {
    for (long i = 0; i < megabytes; i++) {
        char *chunk = malloc(1 << 20);
        if (!chunk) return 3;
        memset(chunk, (int)i + 1, 1 << 20);
    }
    SAY("full\n");
    return 0;
}

static int fork_many(long count) {
    long made = 0;
    for (; made < count; made++) {
        pid_t child = fork();
        if (child < 0) break;
        if (child == 0) { pause(); _exit(0); }
    }
    SAY("%ld %d\n", made, made < count ? errno : 0);
    return 0;
}

/* Leaves orphans that end at once, and counts those that nobody reaps. */
static int orphans(void) {
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (fork() == 0) { usleep(1000); _exit(0); }
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    for (int round = 0; round < 2000; round++) {
        int left = 0;
        for (int pid = 2; pid < 64; pid++) {
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/stat", pid);
            if (pid != getpid() && access(path, F_OK) == 0) left++;
        }
        if (left == 0) { SAY("reaped\n"); return 0; }
        usleep(5000);
    }
    return 1;
}

static void on_term(int signal) { (void)signal; SAY("asked\n"); _exit(3); }

static int tick(void) {
    for (unsigned long i = 0; SAY("%lu\n", i) >= 0; i++) usleep(2000);
    return 1;
}

static int connect_to(const char *address, int port) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_usec = 700000};
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &peer.sin_addr);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return connect(s, (struct sockaddr *)&peer, sizeof peer);
}

static int write_to(const char *path, const char *text) {
    int file = open(path, O_WRONLY);
    if (file < 0) return -1;
    int result = write(file, text, strlen(text)) < 0 ? -1 : 0;
    close(file);
    return result;
}

static int read_from(const char *path) {
    char byte;
    int file = open(path, O_RDONLY);
    if (file < 0) return -1;
    ssize_t count = read(file, &byte, 1);
    if (count == 0) errno = ENODATA;
    return count == 1 ? 0 : -1;
}

static int make_device(int major, int minor, mode_t kind) {
    unlink("/tmp/device");
    if (mknod("/tmp/device", kind | 0666, (dev_t)(major << 8 | minor))) return -1;
    return open("/tmp/device", O_RDONLY) < 0 ? -1 : 0;
}

static int clone_with(unsigned long flags) {
    long child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    return child < 0 ? -1 : 0;
}

static int attempt(const char *name, const char *argument) {
    struct { unsigned long long flags, rest[10]; } clone_args = {CLONE_NEWUSER, {0}};
    struct timeval now = {1, 0};
    char buffer[512] = {0};
#define IS(text) !strcmp(name, text)
    if (IS("mount")) return mount("none", "/tmp", "tmpfs", 0, NULL);
    if (IS("remount")) return mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL);
    if (IS("umount")) return umount2("/proc/sys", MNT_DETACH);
    if (IS("fsopen")) return (int)syscall(SYS_fsopen, "tmpfs", 0);
    if (IS("open_tree")) return (int)syscall(SYS_open_tree, AT_FDCWD, "/", 1);
    if (IS("pivot_root")) return (int)syscall(SYS_pivot_root, ".", ".");
    if (IS("chroot")) return chroot("/tmp");
    if (IS("unshare_user")) return unshare(CLONE_NEWUSER);
    if (IS("unshare_net")) return unshare(CLONE_NEWNET);
    if (IS("clone_user")) return clone_with(CLONE_NEWUSER);
    if (IS("clone_mount")) return clone_with(CLONE_NEWNS);
    if (IS("clone3")) return (int)syscall(SYS_clone3, &clone_args, 88);
    if (IS("setns")) return (int)syscall(SYS_setns, open("/proc/1/ns/net", O_RDONLY), 0);
    if (IS("ptrace_attach")) return (int)ptrace(PTRACE_ATTACH, atoi(argument), 0, 0);
    if (IS("ptrace_init")) return (int)ptrace(PTRACE_ATTACH, 1, 0, 0);
    if (IS("init_memory")) return read_from("/proc/1/mem");
    if (IS("init_environment")) return read_from("/proc/1/environ");
    if (IS("init_root")) return read_from("/proc/1/root/etc/hostname");
    if (IS("kill_host")) return kill(atoi(argument), 0);
    if (IS("see_host")) { snprintf(buffer, sizeof buffer, "/proc/%s/stat", argument); return read_from(buffer); }
    if (IS("host_file")) return read_from(argument);
    if (IS("sysrq")) return write_to("/proc/sysrq-trigger", "h");
    if (IS("sysctl")) return write_to("/proc/sys/kernel/core_pattern", "|/bin/sh");
    if (IS("sysctl_net")) return write_to("/proc/sys/net/ipv4/ip_forward", "1");
    if (IS("uevent")) return write_to("/sys/kernel/uevent_helper", "/bin/sh");
    if (IS("oom_score")) return write_to("/proc/self/oom_score_adj", "-1000");
    if (IS("kcore")) return read_from("/proc/kcore");
    if (IS("kmsg")) return read_from("/dev/kmsg");
    if (IS("syslog")) return (int)syscall(SYS_syslog, 3, buffer, sizeof buffer);
    if (IS("raw_socket")) return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (IS("packet_socket")) return socket(AF_PACKET, SOCK_RAW, htons(3));
    if (IS("vsock")) return socket(40, SOCK_STREAM, 0);
    if (IS("alg_socket")) return socket(38, SOCK_SEQPACKET, 0);
    if (IS("link_down")) {
        struct ifreq request = {.ifr_name = "lo"};
        return ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &request);
    }
    if (IS("keyctl")) return (int)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1);
    if (IS("add_key")) return (int)syscall(SYS_add_key, "user", "x", "x", 1, KEY_SPEC_PROCESS_KEYRING);
    if (IS("bpf")) return (int)syscall(SYS_bpf, 0, buffer, 64);
    if (IS("perf")) return (int)syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0);
    if (IS("userfaultfd")) return (int)syscall(SYS_userfaultfd, 0);
    if (IS("io_uring")) return (int)syscall(SYS_io_uring_setup, 4, buffer);
    if (IS("open_by_handle")) return (int)syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, 0);
    if (IS("module")) return (int)syscall(SYS_init_module, buffer, 1, "");
    if (IS("kexec")) return (int)syscall(SYS_kexec_load, 0, 0, 0, 0);
    if (IS("reboot")) return reboot(RB_DISABLE_CAD);
    if (IS("swapon")) return swapon("/tmp/swap", 0);
    if (IS("acct")) return acct("/tmp/acct");
    if (IS("settime")) return settimeofday(&now, NULL);
    if (IS("hostname")) return sethostname("x", 1);
    if (IS("personality")) return personality(ADDR_NO_RANDOMIZE) < 0 ? -1 : 0;
    if (IS("tiocsti")) return ioctl(0, TIOCSTI, "x");
    if (IS("memory_device")) return make_device(1, 1, S_IFCHR);
    if (IS("disk_device")) return make_device(8, 0, S_IFBLK);
    if (IS("root_device")) { snprintf(buffer, sizeof buffer, "/dev/%s", argument); return read_from(buffer); }
    if (IS("cgroup")) return write_to("/sys/fs/cgroup/memory/memory.limit_in_bytes", "-1");
    if (IS("setuid_root")) return setuid(0);
    if (IS("setgroups")) { gid_t group = 0; return (int)syscall(SYS_setgroups, 1, &group); }
    if (IS("connect")) {
        char *colon = strchr(argument, ':');
        *colon = 0;
        return connect_to(argument, atoi(colon + 1));
    }
    if (IS("abstract_socket")) {
        struct { unsigned short family; char name[108]; } address = {AF_UNIX, {0}};
        strncpy(address.name + 1, argument, sizeof address.name - 2);
        return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(short) + 1 + strlen(argument));
    }
    if (IS("legal")) return getpid() > 0 ? 0 : -1;
    errno = 9999;
    return -1;
}

int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : "", *argument = count > 2 ? words[2] : "";
    if (!strcmp(verb, "serve")) return serve(atoi(argument));
    if (!strcmp(verb, "eat")) return eat(atol(argument));
    if (!strcmp(verb, "fork")) return fork_many(atol(argument));
    if (!strcmp(verb, "orphans")) return orphans();
    if (!strcmp(verb, "tick")) return tick();
    if (!strcmp(verb, "crash")) { raise(SIGSEGV); return 0; }
    if (!strcmp(verb, "obey")) { signal(SIGTERM, on_term); SAY("ready\n"); for (;;) pause(); }
    if (!strcmp(verb, "defy")) { signal(SIGTERM, SIG_IGN); SAY("ready\n"); for (;;) pause(); }
    if (!strcmp(verb, "idle")) { SAY("ready\n"); for (;;) pause(); }
    if (!strcmp(verb, "long")) {
        for (long i = 0; i < atol(argument); i++) putchar('x');
        return 0;
    }
    if (!strcmp(verb, "attempt")) {
        if (attempt(argument, count > 3 ? words[3] : "") < 0) SAY("%d\n", errno);
        else SAY("done\n");
        return 0;
    }
    return 64;
}
