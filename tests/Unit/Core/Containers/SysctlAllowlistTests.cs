using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.Seccomp;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class SysctlAllowlistTests
{
    [Theory]
    [InlineData("kernel.shm_rmid_forced")]
    [InlineData("net.ipv4.ip_unprivileged_port_start")]
    [InlineData("net/ipv4/tcp_syncookies")]
    [InlineData("net.ipv4.tcp_rmem")]
    public void The_harmless_ones_may_be_set(string name) => Assert.Null(Refusal(name));

    [Theory]
    [InlineData("kernel.core_pattern")]
    [InlineData("kernel.shm_rmid_forced2")]
    [InlineData("kernel/core_pattern")]
    [InlineData("kernel.msgmax")]
    [InlineData("net.ipv4.ip_forward")]
    [InlineData("net.ipv4/tcp_syncookies")]
    [InlineData("vm.swappiness")]
    public void All_others_are_forbidden(string name) =>
        Assert.Equal($"forbidden sysctl: \"{SysctlAllowlist.Normal(name)}\" not allowlisted", Refusal(name));

    [Theory]
    [InlineData("kernel.msgmax", "kernel.msg*")]
    [InlineData("kernel.sem", "kernel.sem")]
    [InlineData("net.core.somaxconn", "net.core.*")]
    [InlineData("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/*")]
    [InlineData("fs.mqueue.msg_max", "fs.mqueue.*")]
    public void What_the_operator_allowed_may_be_set_too(string name, string pattern) => Assert.Null(Refusal(name, pattern));

    [Theory]
    [InlineData("kernel.*")]
    [InlineData("kernel.core_pattern")]
    [InlineData("net*")]
    [InlineData("*")]
    [InlineData("fs.mqueue*")]
    [InlineData("net.*.x")]
    [InlineData("net.ipv4.x=1")]
    [InlineData("vm.*")]
    public void The_operator_cannot_allow_what_would_be_the_whole_machines(string pattern) =>
        Assert.Throws<FormatException>(() => SysctlAllowlist.Create([pattern], Kernel));

    [Fact]
    public void A_pod_in_the_hosts_namespaces_cannot_set_the_hosts_parameters()
    {
        Assert.Equal("forbidden sysctl: \"net.ipv4.tcp_syncookies\" not allowed with host Net enabled", Refusal("net.ipv4.tcp_syncookies", change: s => s.HostNetwork = true));
        Assert.Equal("forbidden sysctl: \"kernel.shm_rmid_forced\" not allowed with host IPC enabled", Refusal("kernel.shm_rmid_forced", change: s => s.HostIPC = true));
        Assert.Equal("forbidden sysctl: \"kernel.msgmax\" not allowed with host IPC enabled", Refusal("kernel.msgmax", "kernel.msg*", s => s.HostIPC = true));
        Assert.Null(Refusal("net.ipv4.tcp_syncookies", change: s => s.HostIPC = true));
    }

    [Fact]
    public void What_an_old_kernel_shares_with_the_host_is_not_safe_there() =>
        Assert.NotNull(SysctlAllowlist.Create([], SeccompMachine.Of("amd64", "4.14.0")).Refuse(Spec("net.ipv4.tcp_wmem")));

    private static readonly SeccompMachine Kernel = new("amd64", 6, 1);

    private static string? Refusal(string name, string pattern = "", Action<V1PodSpec>? change = null)
    {
        V1PodSpec spec = Spec(name);
        change?.Invoke(spec);
        return SysctlAllowlist.Create(pattern.Length == 0 ? [] : [pattern], Kernel).Refuse(spec)?.Message;
    }

    private static V1PodSpec Spec(string name) => new() { SecurityContext = new() { Sysctls = [new() { Name = name, Value = "1" }] } };
}
