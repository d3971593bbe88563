using System.Net;
using System.Net.Sockets;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Linux.Netlink;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Node.Network;

/// <summary>Our messages against the real kernel, in namespaces of their own; ip(8) and nft(8) are the witnesses.</summary>
public sealed class NetlinkTests : IDisposable
{
    private readonly NetworkNamespace _one = NetworkNamespace.Create(), _other = NetworkNamespace.Create();

    public void Dispose()
    {
        _one.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void A_veth_has_its_peer_in_the_other_namespace_at_once()
    {
        using RouteSocket route = _one.Run(RouteSocket.Open), peer = _other.Run(RouteSocket.Open);

        route.AddBridge("nk0", [0x02, 0, 0, 0, 0, 1], 1400);
        int bridge = route.Link("nk0").Index;
        route.AddVeth(new("vethx", bridge, 1400, "eth0", _other.Descriptor, new byte[] { 0x02, 0, 0, 0, 0, 2 }));
        route.SetHairpin(route.Link("vethx").Index);

        Assert.Equal(new NetworkLink(route.Link("vethx").Index, "vethx", "veth", 1400, bridge, Up: false), route.FindLink("vethx"));
        Assert.Null(route.FindLink("eth0"));
        Assert.Equal(1400, peer.Link("eth0").Mtu);
        Assert.Contains("hairpin on", Ip("-d", "link", "show", "vethx"));
        Assert.Contains("link/ether 02:00:00:00:00:01", Ip("link", "show", "nk0"));
        Assert.True(route.DeleteLink(route.Link("vethx").Index));
        Assert.Null(peer.FindLink("eth0"));
        Assert.False(route.DeleteLink(4711));
    }

    [Theory]
    [InlineData("10.9.0.1", 24, "10.9.0.254")]
    [InlineData("fd09::1", 64, "fd09::fe")]
    public void Addresses_and_routes_are_set_once(string address, int prefix, string gateway)
    {
        using RouteSocket route = _one.Run(RouteSocket.Open);
        route.AddBridge("nk0", [0x02, 0, 0, 0, 0, 1], 0);
        int bridge = route.Link("nk0").Index;
        route.SetUp(bridge);

        Assert.True(route.AddAddress(bridge, IPAddress.Parse(address), prefix));
        Assert.False(route.AddAddress(bridge, IPAddress.Parse(address), prefix));
        Assert.True(route.AddDefaultRoute(bridge, IPAddress.Parse(gateway)));
        Assert.False(route.AddDefaultRoute(bridge, IPAddress.Parse(gateway)));

        Assert.Contains(new InterfaceAddress(bridge, IPAddress.Parse(address), prefix, Global: true, Settled: true), route.Addresses());
        Assert.Contains(route.Routes(), r => r.IsDefault && Equals(r.Gateway, IPAddress.Parse(gateway)) && r.Interface == bridge);
        Assert.True(route.RemoveAddress(bridge, IPAddress.Parse(address), prefix));
        Assert.False(route.RemoveAddress(bridge, IPAddress.Parse(address), prefix));
    }

    [Fact]
    public void A_refusal_says_what_on_which_object_and_why()
    {
        using RouteSocket route = _one.Run(RouteSocket.Open);
        route.AddBridge("nk0", [0x02, 0, 0, 0, 0, 1], 0);

        ErrnoException error = Assert.Throws<ErrnoException>(() => route.AddBridge("nk0", [0x02, 0, 0, 0, 0, 1], 0));

        Assert.Equal(Errno.EEXIST, error.Errno);
        Assert.Contains("RTM_NEWLINK bridge nk0", error.Message);
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork, "10.9.0.0", 24, "10.9.0.5", "192.0.2.7", "127.0.0.0", 8)]
    [InlineData(AddressFamily.InterNetworkV6, "fd09::", 64, "fd09::5", "2001:db8::7", "::1", 128)]
    public void A_table_reads_in_nft_as_it_was_meant(AddressFamily family, string subnet, int prefix, string target, string hostAddress, string loopback, int loopbackPrefix)
    {
        using NftSocket nft = _one.Run(NftSocket.Open);
        IPAddress network = IPAddress.Parse(subnet);

        Assert.False(nft.HasTable("t", family));
        for (int i = 0; i < 2; i++)
            nft.Commit("t", family, batch =>
            {
                batch.DropTable();
                batch.AddTable();
                uint ports = batch.AddPortMap("ports", withAddress: false), both = batch.AddPortMap("both", withAddress: true);
                batch.AddChain("translate");
                batch.AddChain("pre", "nat", NftHook.Prerouting, -100);
                batch.AddChain("post", "nat", NftHook.Postrouting, 100);
                batch.AddChain("guard", "filter", NftHook.Prerouting, -300);
                batch.Rule("translate", r => r.TranslateBy("both", both, withAddress: true));
                batch.Rule("translate", r => r.TranslateBy("ports", ports, withAddress: false));
                batch.Rule("pre", r => r.DestinationIsLocal().Jump("translate"));
                batch.Rule("post", r => r.DestinationWasTranslated().To("nk0").Masquerade());
                batch.Rule("post", r => r.Source(network, prefix).Destination(network, prefix, equal: false).Masquerade());
                batch.Rule("guard", r => r.From("lo", equal: false).Destination(IPAddress.Parse(loopback), loopbackPrefix).Drop());
                batch.AddPorts("ports", ports, [new(null, 6, 8080, IPAddress.Parse(target), 80, "sandbox-a"), new(null, 17, 53, IPAddress.Parse(target), 5353, "b")]);
                batch.AddPorts("both", both, [new(IPAddress.Parse(hostAddress), 132, 9, IPAddress.Parse(target), 9, "c")]);
            });

        Assert.True(nft.HasTable("t", family));
        string text = InNamespace("/usr/sbin/nft", "list", "ruleset");
        bool v6 = family == AddressFamily.InterNetworkV6;
        string ip = v6 ? "ip6" : "ip";
        string Shown(int port) => v6 ? $"{target} . {port}" : $"{target} . {port}";
        Assert.Contains($"table {ip} t", text);
        Assert.Contains("type inet_proto . inet_service : " + (v6 ? "ipv6_addr" : "ipv4_addr") + " . inet_service", text);
        Assert.Contains($"tcp . 8080 comment \"sandbox-a\" : {Shown(80)}", text);
        Assert.Contains($"udp . 53 comment \"b\" : {Shown(5353)}", text);
        Assert.Contains($"{hostAddress} . sctp . 9 comment \"c\" : {Shown(9)}", text);
        Assert.Contains($"dnat {ip} to {ip} daddr . meta l4proto . th dport map @both".Replace("dnat ip6 to", "dnat ip6 to"), text.Replace("dnat to", $"dnat {ip} to"));
        Assert.Contains("meta l4proto . th dport map @ports", text);
        Assert.Contains("fib daddr type local jump translate", text);
        Assert.Contains("ct status dnat oifname \"nk0\" masquerade fully-random", text.Replace("masquerade random,fully-random", "masquerade fully-random"));
        Assert.Contains($"{ip} saddr {subnet}/{prefix} {ip} daddr != {subnet}/{prefix} masquerade fully-random", text);
        Assert.Contains($"iifname != \"lo\" {ip} daddr {(loopbackPrefix is 8 ? "127.0.0.0/8" : loopback)} drop", text);

        nft.Commit("t", family, batch => batch.DropTable());
        Assert.Equal("", InNamespace("/usr/sbin/nft", "list", "ruleset"));
    }

    [Fact]
    public void A_batch_that_fails_in_the_middle_leaves_nothing()
    {
        using NftSocket nft = _one.Run(NftSocket.Open);

        Assert.Throws<ErrnoException>(() => nft.Commit("t", AddressFamily.InterNetwork, batch =>
        {
            batch.AddTable();
            batch.Rule("missing", r => r.Drop());
            batch.AddChain("late");
        }));

        Assert.False(nft.HasTable("t", AddressFamily.InterNetwork));
    }

    [Fact]
    public async Task A_flush_by_another_program_is_heard_and_our_own_change_is_not()
    {
        using NftSocket nft = _one.Run(NftSocket.Open);
        using NftChanges changes = _one.Run(() => nft.Listen("t"));
        Task loss = changes.LossAsync(TestContext.Current.CancellationToken);
        for (int i = 0; i < 2; i++)
            nft.Commit("t", AddressFamily.InterNetwork, batch =>
            {
                batch.DropTable();
                batch.AddTable();
            });
        InNamespace("/usr/sbin/nft", "add", "table", "ip", "other");
        InNamespace("/usr/sbin/nft", "delete", "table", "ip", "other");
        Assert.False(loss.IsCompleted);

        InNamespace("/usr/sbin/nft", "flush", "ruleset");

        await loss.WaitAsync(TimeLimit.Of(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Chains_that_drop_forwarded_packets_are_found()
    {
        using NftSocket nft = _one.Run(NftSocket.Open);
        Assert.Empty(nft.DroppingForwards());

        InNamespace("/usr/sbin/iptables", "-P", "FORWARD", "DROP");

        DroppingChain chain = Assert.Single(nft.DroppingForwards());
        Assert.Equal(new DroppingChain(AddressFamily.InterNetwork, "filter", "FORWARD"), chain);
    }

    [Fact]
    public void A_bound_namespace_outlives_its_maker_and_a_plain_file_is_none()
    {
        string directory = Directory.CreateTempSubdirectory("nk-test-").FullName, path = Path.Combine(directory, "net");
        try
        {
            using (NetworkNamespace made = NetworkNamespace.Create())
            {
                made.BindTo(path);
                made.BindTo(path);
                using RouteSocket route = made.Run(RouteSocket.Open);
                route.AddBridge("mark", [0x02, 0, 0, 0, 0, 1], 0);
            }
            Assert.True(NetworkNamespace.IsBound(path));
            using (NetworkNamespace again = NetworkNamespace.Open(path))
            using (RouteSocket route = again.Run(RouteSocket.Open))
                Assert.NotNull(route.FindLink("mark"));

            NetworkNamespace.Unbind(path);
            NetworkNamespace.Unbind(path);
            Assert.False(NetworkNamespace.IsBound(path));
            File.WriteAllText(path, "");
            Assert.False(NetworkNamespace.IsBound(path));
            Assert.Throws<ErrnoException>(() => NetworkNamespace.Open(path));
        }
        finally
        {
            NetworkNamespace.Unbind(path);
            Directory.Delete(directory, recursive: true);
        }
    }

    private string Ip(params string[] arguments) => InNamespace("/usr/sbin/ip", arguments);

    private string InNamespace(string program, params string[] arguments)
    {
        SpawnRequest request = new(program, [program, .. arguments]) { Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] };
        // The child inherits the namespace of the thread that starts it.
        Task<ToolResult> running = _one.Run(() => ToolRun.RunAsync(request, default, 1 << 20, TimeLimit.Of(30), CancellationToken.None));
        ToolResult result = running.GetAwaiter().GetResult();
        Assert.True(result.Exit.Success, System.Text.Encoding.UTF8.GetString(result.Error));
        return System.Text.Encoding.UTF8.GetString(result.Output);
    }
}
