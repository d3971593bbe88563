using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Core.Network;
using NativeKubelet.Runtime.Network;

namespace NativeKubelet.Tests.Unit.Runtime.Network;

public sealed class IptablesRulesTests
{
    private static readonly ImmutableArray<Subnet> Subnets = [new(IPAddress.Parse("10.88.0.0"), 24), new(IPAddress.Parse("fd00:8::"), 64)];

    private static readonly ImmutableArray<PortForward> Forwards =
    [
        new("aa", "TCP", null, 80, IPAddress.Parse("10.88.0.2"), 8080),
        new("aa", "UDP", IPAddress.Parse("192.0.2.1"), 53, IPAddress.Parse("10.88.0.2"), 5353),
        new("bb", "TCP", null, 80, IPAddress.Parse("10.88.0.3"), 8080),
        new("cc", "TCP", null, 80, IPAddress.Parse("fd00:8::2"), 8080),
    ];

    [Fact]
    public void The_guard_comes_first_then_ports_of_one_address_before_those_of_all() => Assert.Equal(
        """
        *raw
        :NK-nk0-GUARD - [0:0]
        -A NK-nk0-GUARD ! -i lo -d 127.0.0.0/8 -j DROP
        -A NK-nk0-GUARD ! -i lo -s 127.0.0.0/8 -j DROP
        COMMIT
        *nat
        :NK-nk0-PORTS - [0:0]
        :NK-nk0-OUT - [0:0]
        -A NK-nk0-PORTS -d 192.0.2.1 -p udp --dport 53 -m comment --comment aa -j DNAT --to-destination 10.88.0.2:5353
        -A NK-nk0-PORTS -p tcp --dport 80 -m comment --comment bb -j DNAT --to-destination 10.88.0.3:8080
        -A NK-nk0-OUT -o nk0 -s 10.88.0.0/24 -m conntrack --ctstate DNAT -j MASQUERADE
        -A NK-nk0-OUT -o nk0 -s 127.0.0.0/8 -m conntrack --ctstate DNAT -j MASQUERADE
        -A NK-nk0-OUT ! -o nk0 -s 10.88.0.0/24 -d 10.88.0.0/24 -j RETURN
        -A NK-nk0-OUT ! -o nk0 -s 10.88.0.0/24 -d 224.0.0.0/4 -j RETURN
        -A NK-nk0-OUT ! -o nk0 -s 10.88.0.0/24 -j MASQUERADE
        COMMIT

        """, IptablesRules.Text(AddressFamily.InterNetwork, "nk0", Subnets, Forwards));

    [Fact]
    public void IPv6_needs_no_guard_and_has_addresses_in_brackets() => Assert.Equal(
        """
        *nat
        :NK-nk0-PORTS - [0:0]
        :NK-nk0-OUT - [0:0]
        -A NK-nk0-PORTS -p tcp --dport 80 -m comment --comment cc -j DNAT --to-destination [fd00:8::2]:8080
        -A NK-nk0-OUT -o nk0 -s fd00:8::/64 -m conntrack --ctstate DNAT -j MASQUERADE
        -A NK-nk0-OUT ! -o nk0 -s fd00:8::/64 -d fd00:8::/64 -j RETURN
        -A NK-nk0-OUT ! -o nk0 -s fd00:8::/64 -d ff00::/8 -j RETURN
        -A NK-nk0-OUT ! -o nk0 -s fd00:8::/64 -j MASQUERADE
        COMMIT

        """, IptablesRules.Text(AddressFamily.InterNetworkV6, "nk0", Subnets, Forwards));

    [Fact]
    public void The_longest_bridge_name_still_fits_into_a_chains_name() =>
        Assert.All(IptablesRules.Chains(AddressFamily.InterNetwork, new string('b', 15)), c => Assert.InRange(c.Chain.Length, 1, 28));
}
