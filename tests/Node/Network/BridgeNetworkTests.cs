using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Network;

namespace NativeKubelet.Tests.Node.Network;

/// <summary>The built-in network on a node of its own, seen from pods, from the node and from the world.</summary>
public sealed class BridgeNetworkTests : IAsyncLifetime
{
    private const string Gateway = "10.77.0.1";
    private readonly NetworkHost _host = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Pods_reach_each_other_the_node_and_the_world_and_see_true_addresses_where_they_can()
    {
        SandboxNetwork network = _host.Start();
        Assert.Null(network.NotReady);
        NetworkAttachment a = _host.Pod(), b = _host.Pod();

        string ipA = Assert.Single(await network.AddAsync(a, Cancel)), ipB = Assert.Single(await network.AddAsync(b, Cancel));

        Assert.Equal(("10.77.0.2", "10.77.0.3"), (ipA, ipB));
        using NetworkHost.Server inB = NetworkHost.Listen(b, 8080), inNode = NetworkHost.Listen(_host.Node, 8081), inWorld = NetworkHost.Listen(_host.World, 8082);
        Assert.Equal(ipA, await NetworkHost.AskAsync(a, ipB, 8080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(_host.Node, ipB, 8080));
        Assert.Equal(ipA, await NetworkHost.AskAsync(a, Gateway, 8081));
        Assert.Equal(ipA, await NetworkHost.AskAsync(a, NetworkHost.NodeAddress, 8081));
        Assert.Equal(NetworkHost.NodeAddress, await NetworkHost.AskAsync(a, NetworkHost.WorldAddress, 8082));      // masqueraded
        Assert.Equal("127.0.0.1", await LoopbackOf(b));
        Assert.Equal(1400, _host.Links().Single(l => l.Name == "nkt0").Mtu);
    }

    [Fact]
    public async Task A_host_port_is_reached_from_everywhere()
    {
        SandboxNetwork network = _host.Start();
        NetworkAttachment server = _host.Pod(new PortMapping(18080, 8080, "TCP", ""), new PortMapping(18081, 8080, "TCP", NetworkHost.NodeAddress)), other = _host.Pod();
        string ip = Assert.Single(await network.AddAsync(server, Cancel));
        await network.AddAsync(other, Cancel);
        using NetworkHost.Server listening = NetworkHost.Listen(server, 8080);

        Assert.Equal(NetworkHost.WorldAddress, await NetworkHost.AskAsync(_host.World, NetworkHost.NodeAddress, 18080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(_host.Node, "127.0.0.1", 18080));
        Assert.Equal(NetworkHost.NodeAddress, await NetworkHost.AskAsync(_host.Node, NetworkHost.NodeAddress, 18080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(other, Gateway, 18080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(server, NetworkHost.NodeAddress, 18080));      // hairpin: itself, by way of the node
        Assert.Equal(NetworkHost.WorldAddress, await NetworkHost.AskAsync(_host.World, NetworkHost.NodeAddress, 18081));
        await Assert.ThrowsAnyAsync<Exception>(() => NetworkHost.AskAsync(_host.Node, "127.0.0.1", 18081, seconds: 2));
        await Assert.ThrowsAnyAsync<Exception>(() => NetworkHost.AskAsync(other, ip, 18080, seconds: 2));

        await network.RemoveAsync(server.SandboxId, Cancel);
        await Assert.ThrowsAnyAsync<Exception>(() => NetworkHost.AskAsync(_host.World, NetworkHost.NodeAddress, 18080, seconds: 2));
    }

    [Fact]
    public async Task A_neighbour_cannot_reach_the_nodes_loopback_although_the_bridge_routes_localnet()
    {
        SandboxNetwork network = _host.Start();
        NetworkAttachment pod = _host.Pod();
        await network.AddAsync(pod, Cancel);
        Assert.Equal("1", _host.Node.Run(() => File.ReadAllText("/proc/sys/net/ipv4/conf/nkt0/route_localnet")).Trim());
        Assert.Equal("0", _host.Node.Run(() => File.ReadAllText("/proc/sys/net/ipv4/conf/all/route_localnet")).Trim());
        using NetworkHost.Server secret = NetworkHost.Listen(_host.Node, 9999);
        NetworkHost.SendLoopbackToGateway(pod, Gateway);

        await Assert.ThrowsAnyAsync<Exception>(() => NetworkHost.AskAsync(pod, "127.0.0.1", 9999, seconds: 2));
    }

    [Fact]
    public async Task Remove_leaves_only_the_bridge_and_remove_everything_leaves_nothing()
    {
        string before = _host.Everything();
        SandboxNetwork network = _host.Start();
        NetworkAttachment pod = _host.Pod(new PortMapping(18080, 80, "UDP", ""));
        await network.AddAsync(pod, Cancel);
        Assert.Contains("udp . 18080", NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "list", "ruleset"));
        string with = _host.Everything();
        Assert.Contains("nkt0", with);
        Assert.Contains("ip_forward 1", with);

        await network.RemoveAsync(pod.SandboxId, Cancel);
        await network.RemoveAsync(pod.SandboxId, Cancel);

        string after = _host.Everything();
        Assert.DoesNotContain("veth", after);
        Assert.DoesNotContain("10.77.0.2\n", after);
        Assert.DoesNotContain(pod.SandboxId, after);
        Assert.DoesNotContain("udp . 18080", NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "list", "ruleset"));

        await network.AddAsync(pod, Cancel);
        await network.RemoveEverythingAsync(Cancel);
        Assert.Equal(before, string.Join('\n', _host.Everything().Split('\n').Where(l => !l.StartsWith(_host.Data, StringComparison.Ordinal))));
    }

    [Fact]
    public async Task A_new_agent_keeps_the_living_and_takes_away_the_rest()
    {
        NetworkAttachment living = _host.Pod(new PortMapping(18080, 8080, "TCP", "")), dead = _host.Pod(new PortMapping(18081, 8080, "TCP", ""));
        string ip;
        using (SandboxNetwork first = _host.Start())
        {
            ip = Assert.Single(await first.AddAsync(living, Cancel));
            await first.AddAsync(dead, Cancel);
        }
        _host.EndNamespace(dead);
        NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "flush", "ruleset");
        Directory.Delete(Path.Combine(_host.Data, "network", "leases"), recursive: true);

        SandboxNetwork second = _host.Start();
        await second.ReconcileAsync([living.SandboxId], Cancel);

        using NetworkHost.Server listening = NetworkHost.Listen(living, 8080);
        Assert.Equal(Gateway, await NetworkHost.AskAsync(_host.Node, "127.0.0.1", 18080));
        Assert.Single(_host.Links(), l => l.Name.StartsWith("veth", StringComparison.Ordinal));
        Assert.DoesNotContain("18081", NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "list", "ruleset"));
        NetworkAttachment next = _host.Pod();
        Assert.NotEqual(ip, Assert.Single(await second.AddAsync(next, Cancel)));
    }

    [Fact]
    public async Task A_flushed_ruleset_comes_back_by_itself()
    {
        SandboxNetwork network = _host.Start();
        NetworkAttachment pod = _host.Pod(new PortMapping(18080, 8080, "TCP", ""));
        await network.AddAsync(pod, Cancel);

        NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "flush", "ruleset");

        using NftWitness witness = new(_host.Node);
        await witness.UntilAsync("tcp . 18080", Cancel);
        Assert.Contains(_host.Log.Lines, l => l.StartsWith("FirewallRulesRestored", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Twenty_pods_at_once_get_twenty_addresses_and_an_address_rests_after_use()
    {
        SandboxNetwork network = _host.Start();
        ImmutableArray<NetworkAttachment> pods = [.. Enumerable.Range(0, 20).Select(i => _host.Pod(new PortMapping(19000 + i, 80, "TCP", "")))];

        ImmutableArray<string>[] ips = await Task.WhenAll(pods.Select(p => Task.Run(() => network.AddAsync(p, Cancel))));

        Assert.Equal(20, ips.Select(i => Assert.Single(i)).Distinct().Count());
        Assert.Equal(20, NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "list", "ruleset").Split("tcp . 190").Length - 1);
        await Task.WhenAll(pods.Select(p => Task.Run(() => network.RemoveAsync(p.SandboxId, Cancel))));
        Assert.DoesNotContain(_host.Links(), l => l.Name.StartsWith("veth", StringComparison.Ordinal));
        string next = Assert.Single(await network.AddAsync(_host.Pod(), Cancel));
        Assert.DoesNotContain(next, ips.Select(i => i[0]));
    }

    [Fact]
    public async Task A_full_subnet_and_a_vanished_namespace_are_clear_errors_that_leave_nothing()
    {
        SandboxNetwork network = _host.Start(_host.Settings with { PodSubnet = "10.77.0.0/30" });
        NetworkAttachment first = _host.Pod(), second = _host.Pod();
        await network.AddAsync(first, Cancel);

        RuntimeException full = await Assert.ThrowsAsync<RuntimeException>(() => network.AddAsync(second, Cancel));
        Assert.Equal("FailedCreatePodSandBox", full.Reason);
        Assert.Contains("no address left in pod subnet 10.77.0.0/30", full.Message);
        await network.RemoveAsync(first.SandboxId, Cancel);
        _host.EndNamespace(second);
        RuntimeException gone = await Assert.ThrowsAsync<RuntimeException>(() => network.AddAsync(second, Cancel));
        Assert.Contains(second.NamespacePath, gone.Message);

        Assert.DoesNotContain(_host.Links(), l => l.Name.StartsWith("veth", StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "sandboxes")));
        Assert.Single(await network.AddAsync(_host.Pod(), Cancel));
    }

    [Fact]
    public async Task A_subnet_is_chosen_that_no_route_of_the_node_needs_and_stays_over_a_restart()
    {
        NetworkSettings automatic = _host.Settings with { PodSubnet = null };
        _host.Ip("route", "add", "10.0.0.0/8", "via", NetworkHost.WorldAddress);
        using (SandboxNetwork first = _host.Start(automatic))
            Assert.Equal("172.29.0.2", Assert.Single(await first.AddAsync(_host.Pod(), Cancel)));
        _host.Ip("route", "del", "10.0.0.0/8");
        SandboxNetwork second = _host.Start(automatic);
        Assert.Equal("172.29.0.3", Assert.Single(await second.AddAsync(_host.Pod(), Cancel)));

        RuntimeException taken = await Assert.ThrowsAsync<RuntimeException>(
            () => _host.Start(automatic with { BridgeName = "nkt1", PodSubnet = "198.51.100.0/24" }).AddAsync(_host.Pod(), Cancel));
        Assert.Contains("pod subnet 198.51.100.0/24 meets this node's own route to 198.51.100.0/24", taken.Message);
    }

    [Fact]
    public async Task A_udp_client_that_never_stops_sending_reaches_the_pod_that_has_the_port_now()
    {
        SandboxNetwork network = _host.Start();
        await network.AddAsync(_host.Pod(), Cancel);       // from now on the node tracks flows
        using Socket client = _host.World.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        client.Bind(new IPEndPoint(IPAddress.Any, 40000));
        IPEndPoint port = new(IPAddress.Parse(NetworkHost.NodeAddress), 18053);
        await client.SendToAsync(new byte[1], port, Cancel);      // nobody is there, and the node remembers that

        for (int i = 0; i < 2; i++)
        {
            NetworkAttachment pod = _host.Pod(new PortMapping(18053, 53, "UDP", ""));
            await network.AddAsync(pod, Cancel);
            using Socket server = NetworkHost.In(pod, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
            server.Bind(new IPEndPoint(IPAddress.Any, 53));
            await client.SendToAsync(new byte[] { (byte)i }, port, Cancel);
            using CancellationTokenSource deadline = new(TimeLimit.Of(5));
            byte[] datagram = new byte[8];
            await server.ReceiveAsync(datagram, deadline.Token);
            Assert.Equal(i, datagram[0]);
            await network.RemoveAsync(pod.SandboxId, Cancel);
            await client.SendToAsync(new byte[1], port, Cancel);
        }
    }

    [Fact]
    public async Task A_bridge_that_somebody_took_away_comes_back_with_the_next_pod_and_has_all_cables()
    {
        SandboxNetwork network = _host.Start();
        NetworkAttachment first = _host.Pod(new PortMapping(18080, 8080, "TCP", "")), second = _host.Pod();
        string ip = Assert.Single(await network.AddAsync(first, Cancel));
        _host.Ip("link", "del", "nkt0");

        await network.AddAsync(second, Cancel);

        using NetworkHost.Server listening = NetworkHost.Listen(first, 8080);
        Assert.NotEmpty(await NetworkHost.AskAsync(second, ip, 8080));
        Assert.Equal(Gateway, await NetworkHost.AskAsync(_host.Node, "127.0.0.1", 18080));
    }

    [Fact]
    public async Task Leases_of_an_earlier_boot_are_given_back()
    {
        using (SandboxNetwork first = _host.Start(_host.Settings with { BootId = "one" }))
            Assert.Equal("10.77.0.2", Assert.Single(await first.AddAsync(_host.Pod(), Cancel)));

        SandboxNetwork second = _host.Start(_host.Settings with { BootId = "two" });
        await second.ReconcileAsync([], Cancel);

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "sandboxes")));
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "leases")), f => f.EndsWith("10.77.0.2", StringComparison.Ordinal));
        Assert.DoesNotContain(_host.Links(), l => l.Name.StartsWith("veth", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_pod_with_both_families_has_both_and_reaches_its_neighbour_by_either()
    {
        SandboxNetwork network = _host.Start(_host.Settings with { PodSubnet = "10.77.0.0/24,fd77::/64", PreferIpv6 = true });
        NetworkAttachment pod = _host.Pod();

        Assert.Equal(["fd77::2", "10.77.0.2"], await network.AddAsync(pod, Cancel));

        using var space = Linux.Namespaces.NetworkNamespace.Open(pod.NamespacePath);
        Assert.Contains("bytes from fd77::1", NetworkHost.Tool(space, "/bin/busybox", "ping", "-c", "1", "-w", "5", "fd77::1").Replace("64 ", ""));
        Assert.Contains("ip6 saddr fd77::/64", NetworkHost.Tool(_host.Node, "/usr/sbin/nft", "list", "ruleset"));
    }

    [Fact]
    public async Task In_this_programs_own_namespace_all_is_the_same_and_goes_again()
    {
        string bridge = $"nkt{Guid.NewGuid():N}"[..10];
        SandboxNetwork network = _host.Start(_host.Settings with { Node = null, BridgeName = bridge, PodSubnet = null });
        NetworkAttachment pod = _host.Pod(new PortMapping(48080, 8080, "TCP", "127.0.0.1"));
        try
        {
            string ip = Assert.Single(await network.AddAsync(pod, Cancel));
            using NetworkHost.Server listening = NetworkHost.Listen(pod, 8080);
            Assert.NotEmpty(await NetworkHost.AskAsync(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), ip, 8080, 10));
            Assert.NotEmpty(await NetworkHost.AskAsync(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), "127.0.0.1", 48080, 10));
            Assert.Contains($"nativekubelet_{bridge}", Images.Tool.Run("/usr/sbin/nft", "list", "tables"));
        }
        finally
        {
            await network.RemoveEverythingAsync(CancellationToken.None);
        }
        Assert.DoesNotContain($"nativekubelet_{bridge}", Images.Tool.Run("/usr/sbin/nft", "list", "tables"));
        Assert.DoesNotContain(bridge, Images.Tool.Run("/usr/sbin/ip", "link"));
    }

    private static async Task<string> LoopbackOf(NetworkAttachment pod) => await NetworkHost.AskAsync(pod, "127.0.0.1", 8080);

    /// <summary>Looks until a text is there, with a deadline.</summary>
    private sealed class NftWitness(Linux.Namespaces.NetworkNamespace space) : IDisposable
    {
        private readonly PeriodicTimer _timer = new(TimeSpan.FromMilliseconds(50));

        public async Task UntilAsync(string text, CancellationToken cancel)
        {
            using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            deadline.CancelAfter(TimeLimit.Of(15));
            while (!NetworkHost.Tool(space, "/usr/sbin/nft", "list", "ruleset").Contains(text, StringComparison.Ordinal)) await _timer.WaitForNextTickAsync(deadline.Token);
        }

        public void Dispose() => _timer.Dispose();
    }
}
