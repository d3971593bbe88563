using System.Collections.Immutable;
using System.Text;
using k8s.Models;
using NativeKubelet.Api.Oci;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.Seccomp;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class SeccompTests
{
    private static readonly SeccompMachine Machine = new("amd64", 6, 1);

    [Theory]
    [InlineData("mount")]
    [InlineData("unshare")]
    [InlineData("setns")]
    [InlineData("keyctl")]
    [InlineData("add_key")]
    [InlineData("request_key")]
    [InlineData("bpf")]
    [InlineData("io_uring_setup")]
    [InlineData("userfaultfd")]
    [InlineData("kexec_load")]
    [InlineData("init_module")]
    [InlineData("open_by_handle_at")]
    [InlineData("perf_event_open")]
    [InlineData("pivot_root")]
    [InlineData("swapon")]
    public void What_reaches_beyond_a_container_is_not_let_through(string call) => Assert.DoesNotContain(call, Allowed(CapabilitySet.Default));

    [Theory]
    [InlineData("CAP_SYS_ADMIN", "mount")]
    [InlineData("CAP_SYS_ADMIN", "unshare")]
    [InlineData("CAP_SYS_MODULE", "init_module")]
    [InlineData("CAP_SYS_TIME", "clock_settime")]
    [InlineData("CAP_DAC_READ_SEARCH", "open_by_handle_at")]
    [InlineData("CAP_BPF", "bpf")]
    public void A_capability_brings_the_calls_that_it_is_for(string capability, string call)
    {
        Assert.Contains(call, Allowed([capability]));
        Assert.DoesNotContain(call, Allowed([]));
    }

    [Fact]
    public void New_namespaces_are_barred_in_clone_and_clone3_is_not_implemented()
    {
        RuntimeSeccomp filter = DefaultSeccompProfile.For(CapabilitySet.Default, Machine);

        RuntimeSyscalls clone = Assert.Single(filter.Syscalls, r => r.Names.Contains("clone"));
        Assert.Equal(new RuntimeSyscallArgument(0, 0x7E020000, "SCMP_CMP_MASKED_EQ", 0), Assert.Single(clone.Args!));
        RuntimeSyscalls clone3 = Assert.Single(filter.Syscalls, r => r.Names.Contains("clone3"));
        Assert.Equal(("SCMP_ACT_ERRNO", 38u), (clone3.Action, clone3.ErrnoRet));
        Assert.Equal(("SCMP_ACT_ERRNO", 1u), (filter.DefaultAction, filter.DefaultErrnoRet));
    }

    [Fact]
    public void With_the_administrators_capability_clone_is_free() =>
        Assert.Contains(DefaultSeccompProfile.For(["CAP_SYS_ADMIN"], Machine).Syscalls, r => r.Names.Contains("clone3") && r.Action == "SCMP_ACT_ALLOW");

    [Fact]
    public void Programs_of_every_kind_that_the_machine_runs_are_held() =>
        Assert.Equal(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], DefaultSeccompProfile.For([], Machine).Architectures);

    [Fact]
    public void No_call_is_named_twice_without_a_condition()
    {
        List<string> plain = [.. DefaultSeccompProfile.File.Syscalls!.Where(r => r is { Args: null, Includes: null, Excludes: null }).SelectMany(r => r.Names!)];

        Assert.Equal(plain.Distinct().Count(), plain.Count);
    }

    [Theory]
    [InlineData("4.4.0-21-generic", false)]
    [InlineData("4.8.0", true)]
    [InlineData("6.12-rc1", true)]
    [InlineData("unknown", false)]
    public void Tracing_is_free_where_tracers_cannot_change_what_the_filter_saw(string release, bool free) =>
        Assert.Equal(free, Calls(DefaultSeccompProfile.For([], SeccompMachine.Of("amd64", release))).Contains("ptrace"));

    [Theory]
    [InlineData(null, null, false, "None")]
    [InlineData(null, null, true, "RuntimeDefault")]
    [InlineData("Unconfined", null, true, "None")]
    [InlineData("RuntimeDefault", null, false, "RuntimeDefault")]
    [InlineData("Unconfined", "RuntimeDefault", false, "RuntimeDefault")]
    [InlineData("RuntimeDefault", "Unconfined", false, "None")]
    public void The_containers_profile_counts_before_the_pods_and_the_nodes(string? pod, string? container, bool nodeDefault, string expected) =>
        Assert.Equal(expected, Choice(Profile(pod), Profile(container), nodeDefault).GetType().Name);

    [Fact]
    public void A_privileged_container_has_no_filter() =>
        Assert.IsType<SeccompChoice.None>(SeccompChoice.Of(
            new() { Spec = new() }, new() { SecurityContext = new() { Privileged = true, SeccompProfile = new() { Type = "RuntimeDefault" } } }, nodeDefault: true));

    [Theory]
    [InlineData("Localhost", "")]
    [InlineData("Localhost", null)]
    [InlineData("Localhost", "/etc/passwd")]
    [InlineData("Localhost", "a/../../x")]
    [InlineData("localhost", "x")]
    [InlineData("", null)]
    public void A_profile_that_cannot_be_found_never_becomes_unconfined(string type, string? path) =>
        Assert.Throws<ContainerConfigException>(() => Choice(null, new V1SeccompProfile { Type = type, LocalhostProfile = path }, false));

    [Fact]
    public void A_profile_of_the_wider_form_is_decided_for_the_container_and_the_machine()
    {
        const string text = """
            {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "comment": "x",
             "archMap": [{"architecture": "SCMP_ARCH_AARCH64"}, {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
             "syscalls": [
               {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {}},
               {"name": "write", "action": "SCMP_ACT_ALLOW"},
               {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
               {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_KILL"]}},
               {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}},
               {"names": ["cacheflush"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm"]}},
               {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}}]}
            """;

        RuntimeSeccomp filter = SeccompProfile.Resolve(SeccompProfile.Parse(Encoding.UTF8.GetBytes(text)), ["CAP_KILL"], Machine);

        Assert.Equal(["read", "write", "arch_prctl"], Calls(filter));
        Assert.Equal(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], filter.Architectures);
    }

    [Theory]
    [InlineData("{}", "defaultAction")]
    [InlineData("[]", "")]
    [InlineData("{\"defaultAction\": \"allow\"}", "defaultAction: \"allow\"")]
    [InlineData("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"action\": \"SCMP_ACT_ERRNO\"}]}", "syscalls[0] names no call")]
    [InlineData("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"a\"], \"action\": \"SCMP_ACT_NOTIFY\"}]}", "syscalls[0].action")]
    [InlineData("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}]}", "syscalls[0].args")]
    [InlineData("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/run/x\"}", "listenerPath")]
    public void What_is_no_profile_is_refused_with_the_place(string text, string words) =>
        Assert.Contains(words, Assert.Throws<FormatException>(() => SeccompProfile.Resolve(SeccompProfile.Parse(Encoding.UTF8.GetBytes(text)), [], Machine)).Message, StringComparison.Ordinal);

    private static V1SeccompProfile? Profile(string? type) => type is null ? null : new() { Type = type };

    private static SeccompChoice Choice(V1SeccompProfile? pod, V1SeccompProfile? container, bool nodeDefault) => SeccompChoice.Of(
        new() { Spec = new() { SecurityContext = new() { SeccompProfile = pod } } }, new() { SecurityContext = new() { SeccompProfile = container } }, nodeDefault);

    private static HashSet<string> Allowed(ImmutableArray<string> capabilities) =>
        [.. DefaultSeccompProfile.For(capabilities, Machine).Syscalls.Where(r => r.Action == "SCMP_ACT_ALLOW").SelectMany(r => r.Names)];

    private static IEnumerable<string> Calls(RuntimeSeccomp filter) => filter.Syscalls.SelectMany(r => r.Names);
}
