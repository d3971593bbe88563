using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Network;

namespace NativeKubelet.Tests.Node.Network;

/// <summary>The built-in network where nf_tables may not be used, with each of the two iptables that Debian has.</summary>
public sealed class IptablesBridgeTests : IAsyncLifetime
{
    private const string Gateway = "10.77.0.1";
    private readonly NetworkHost _host = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData("tables")]
    [InlineData("tables-legacy")]
    public async Task Ports_masquerade_and_the_guard_are_the_same_by_iptables_and_go_again(string kind)
    {
        string before = Rules(kind);
        SandboxNetwork network = Start(kind);
        NetworkAttachment server = _host.Pod(new PortMapping(18080, 8080, "TCP", ""), new PortMapping(18081, 8080, "TCP", NetworkHost.NodeAddress)), other = _host.Pod();
        string ip = Assert.Single(await network.AddAsync(server, Cancel));
        await network.AddAsync(other, Cancel);
        using NetworkHost.Server listening = NetworkHost.Listen(server, 8080), inWorld = NetworkHost.Listen(_host.World, 8082), secret = NetworkHost.Listen(_host.Node, 9999);

        Assert.Equal(ip, await NetworkHost.AskAsync(server, ip, 8080));
        Assert.Equal(NetworkHost.NodeAddress, await NetworkHost.AskAsync(other, NetworkHost.WorldAddress, 8082));      // masqueraded
        Assert.Equal(NetworkHost.WorldAddress, await NetworkHost.AskAsync(_host.World, NetworkHost.NodeAddress, 18080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(_host.Node, "127.0.0.1", 18080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(other, Gateway, 18080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(server, NetworkHost.NodeAddress, 18080));      // hairpin
        Assert.Equal(NetworkHost.WorldAddress, await NetworkHost.AskAsync(_host.World, NetworkHost.NodeAddress, 18081));
        await Assert.ThrowsAnyAsync<Exception>(() => NetworkHost.AskAsync(_host.Node, "127.0.0.1", 18081, seconds: 2));
        NetworkHost.SendLoopbackToGateway(other, Gateway);
        await Assert.ThrowsAnyAsync<Exception>(() => NetworkHost.AskAsync(other, "127.0.0.1", 9999, seconds: 2));
        Assert.DoesNotContain("nativekubelet_", NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "list", "tables"));

        await network.RemoveEverythingAsync(Cancel);
        Assert.Equal(before, Rules(kind));
        Assert.DoesNotContain(Directory.EnumerateFiles(_host.Data, "*", SearchOption.AllDirectories), f => f.EndsWith("/iptables", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_next_agent_goes_on_with_iptables_and_restores_what_was_flushed()
    {
        NetworkAttachment living = _host.Pod(new PortMapping(18080, 8080, "TCP", ""));
        using (SandboxNetwork first = Start("tables-legacy")) await first.AddAsync(living, Cancel);
        foreach (string table in (string[])["raw", "nat"]) NetworkHost.Tool(_host.Node, "/usr/sbin/iptables-legacy", "-t", table, "-F");

        SandboxNetwork second = _host.Start();      // may use nf_tables, but must not have both
        await second.ReconcileAsync([living.SandboxId], Cancel);

        using NetworkHost.Server listening = NetworkHost.Listen(living, 8080);
        Assert.Equal(Gateway, await NetworkHost.AskAsync(_host.Node, "127.0.0.1", 18080));
        Assert.DoesNotContain("nativekubelet_", NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "list", "tables"));
    }

    [Fact]
    public async Task Without_any_of_both_a_pod_with_host_ports_is_refused_and_another_runs()
    {
        SandboxNetwork network = Start("tables-of-stone");

        RuntimeException e = await Assert.ThrowsAsync<RuntimeException>(() => network.AddAsync(_host.Pod(new PortMapping(18080, 80, "TCP", "")), Cancel));

        Assert.Contains("iptables-of-stone-restore is not installed", e.Message, StringComparison.Ordinal);
        Assert.Single(await network.AddAsync(_host.Pod(), Cancel));
        Assert.Equal("0", _host.Node.Run(() => File.ReadAllText("/proc/sys/net/ipv4/conf/nkt0/route_localnet")).Trim());
    }

    private SandboxNetwork Start(string kind) => _host.Start(_host.Settings with { NfTables = false, IptablesKinds = [kind] });

    private string Rules(string kind)
    {
        string all = NetworkHost.Tool(_host.Node, $"/usr/sbin/ip{kind}-save");
        return string.Join('\n', all.Split('\n').Where(l => l.StartsWith("-A", StringComparison.Ordinal) || l.StartsWith(":NK-", StringComparison.Ordinal)));
    }
}
