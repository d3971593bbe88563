using System.Collections.Immutable;
using System.Net;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Tests.Unit.Core.Network;

public sealed class NodeAddressesTests
{
    private static readonly NodeAddressFacts Facts = new([], "node1", [], Ips("127.0.0.1", "192.0.2.2", "198.51.100.2", "fd00::2"), Ips("192.0.2.2", "fd00::2"));

    [Fact]
    public void The_interface_of_the_default_route_tells_where_nothing_else_does() => Assert.Equal(Ips("192.0.2.2"), Of(Facts));

    [Fact]
    public void The_name_counts_before_the_route_if_it_means_this_machine()
    {
        Assert.Equal(Ips("198.51.100.2"), Of(Facts with { LookedUp = Ips("127.0.1.1", "203.0.113.9", "198.51.100.2") }));
        Assert.Equal(Ips("192.0.2.2"), Of(Facts with { LookedUp = Ips("127.0.1.1", "203.0.113.9") }));
        Assert.Equal(Ips("203.0.113.1"), Of(Facts with { Hostname = "203.0.113.1" }));
    }

    [Fact]
    public void The_unspecified_address_leaves_only_the_family()
    {
        Assert.Equal(Ips("fd00::2"), Of(Facts with { Given = Ips("::") }));
        Assert.Equal(Ips("192.0.2.2"), Of(Facts with { Given = Ips("0.0.0.0") }));
        Assert.Equal(Ips("192.0.2.2"), Of(Facts with { Given = Ips("::"), ByDefaultRoute = Ips("192.0.2.2") }));
    }

    [Fact]
    public void A_given_address_stands_and_a_strange_one_is_told()
    {
        Assert.Equal(new NodeAddresses(Ips("192.0.2.2", "fd00::2"), null).Addresses, Of(Facts with { Given = Ips("192.0.2.2", "fd00::2") }));
        Assert.Equal("node IP: \"203.0.113.5\" not found in the host's network interfaces", NodeAddresses.Choose(Facts with { Given = Ips("203.0.113.5") }).Problem);
        Assert.Equal("nodeIP can't be loopback address", NodeAddresses.Choose(Facts with { Given = Ips("127.0.0.1") }).Problem);
        Assert.Equal("nodeIP can't be a link-local unicast address", NodeAddresses.Choose(Facts with { Given = Ips("169.254.0.1") }).Problem);
    }

    [Fact]
    public void Without_any_address_the_reason_names_the_way_out() =>
        Assert.Contains("--node-ip", NodeAddresses.Choose(Facts with { ByDefaultRoute = Ips("169.254.1.1") }).Problem);

    private static ImmutableArray<IPAddress> Of(NodeAddressFacts facts)
    {
        NodeAddresses found = NodeAddresses.Choose(facts);
        Assert.Null(found.Problem);
        return found.Addresses;
    }

    private static ImmutableArray<IPAddress> Ips(params string[] texts) => [.. texts.Select(IPAddress.Parse)];
}
