using System.Net;
using k8s.Models;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Tests.Unit.Core.Network;

public sealed class PodDnsTests
{
    private const string Host = "# made by hand\ndomain old.example\nsearch one.example\nnameserver 192.0.2.53 # first\n; old\nsearch two.example. . three.example\noptions timeout:2 rotate\nnameserver 192.0.2.54\n";

    private static readonly NodeDns Alone = new([], "cluster.local", Host, false);
    private static readonly NodeDns Joined = new([IPAddress.Parse("10.96.0.10")], "cluster.local", Host, false);

    [Fact]
    public void The_hosts_file_is_read_as_the_kubelet_reads_it()
    {
        ResolvConf host = ResolvConf.Parse(Host);

        Assert.Equal(["192.0.2.53", "192.0.2.54"], host.Nameservers);
        Assert.Equal(["two.example", "three.example"], host.Searches);
        Assert.Equal(["timeout:2", "rotate"], host.Options);
    }

    [Fact]
    public void Alone_the_cluster_policy_falls_back_and_says_so()
    {
        PodDns dns = PodDns.Build(Pod("ClusterFirst"), Alone);

        Assert.Equal("search two.example three.example\nnameserver 192.0.2.53\nnameserver 192.0.2.54\noptions timeout:2 rotate\n", dns.Content);
        DnsWarning warning = Assert.Single(dns.Warnings);
        Assert.Equal("MissingClusterDNS", warning.Reason);
        Assert.Equal("pod: \"web_shop(u1)\". kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy.", warning.Message);
    }

    [Theory]
    [InlineData("ClusterFirst", false)]
    [InlineData("ClusterFirstWithHostNet", true)]
    [InlineData(null, false)]
    public void Cluster_names_are_searched_before_the_hosts(string? policy, bool hostNetwork)
    {
        PodDns dns = PodDns.Build(Pod(policy, hostNetwork), Joined);

        Assert.Equal("search shop.svc.cluster.local svc.cluster.local cluster.local two.example three.example\nnameserver 10.96.0.10\noptions ndots:5\n", dns.Content);
        Assert.Empty(dns.Warnings);
    }

    [Theory]
    [InlineData("Default", false)]
    [InlineData("ClusterFirst", true)]
    public void The_hosts_settings_are_taken_over(string policy, bool hostNetwork) =>
        Assert.Equal(ResolvConf.Parse(Host).ToText(), PodDns.Build(Pod(policy, hostNetwork), Joined).Content);

    [Fact]
    public void None_knows_only_what_the_pod_says()
    {
        V1Pod pod = Pod("None");
        pod.Spec.DnsConfig = new() { Nameservers = ["192.0.2.1"], Options = [new() { Name = "ndots", Value = "2" }, new() { Name = "edns0" }] };

        Assert.Equal("nameserver 192.0.2.1\noptions ndots:2 edns0\n", PodDns.Build(pod, Joined).Content);
    }

    [Fact]
    public void The_pods_own_settings_are_added_and_override_options_by_name()
    {
        V1Pod pod = Pod("ClusterFirst");
        pod.Spec.DnsConfig = new() { Nameservers = ["10.96.0.10", "192.0.2.1"], Searches = ["two.example", "x.example"], Options = [new() { Name = "ndots", Value = "1" }] };

        PodDns dns = PodDns.Build(pod, Joined);

        Assert.Equal(["10.96.0.10", "192.0.2.1"], dns.Settings.Nameservers);
        Assert.Equal("x.example", dns.Settings.Searches[^1]);
        Assert.Equal(6, dns.Settings.Searches.Length);
        Assert.Equal(["ndots:1"], dns.Settings.Options);
    }

    [Fact]
    public void What_exceeds_the_limits_is_cut_and_told()
    {
        V1Pod pod = Pod("None");
        pod.Spec.DnsConfig = new()
        {
            Nameservers = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"],
            Searches = [.. Enumerable.Range(0, 40).Select(i => $"s{i}.{new string('a', 80)}"), new string('b', 254)],
        };

        PodDns dns = PodDns.Build(pod, Joined);

        Assert.Equal(3, dns.Settings.Nameservers.Length);
        Assert.True(string.Join(' ', dns.Settings.Searches).Length <= 2048);
        Assert.Equal(24, dns.Settings.Searches.Length);
        Assert.Equal("Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3", dns.Warnings[0].Message);
        Assert.StartsWith("Search Line limits were exceeded, some search paths have been omitted, the applied search line is: s0.", dns.Warnings[1].Message);
    }

    [Fact]
    public void An_empty_setting_points_at_the_machine_itself()
    {
        Assert.Equal("search .\nnameserver 127.0.0.1\n", PodDns.Build(Pod("Default"), Alone with { HostResolvConf = null }).Content);
        Assert.Equal("search .\nnameserver ::1\n", PodDns.Build(Pod("Default"), Alone with { HostResolvConf = null, PreferIpv6 = true }).Content);
    }

    [Fact]
    public void A_file_that_says_nothing_is_copied() => Assert.Equal("# nothing\n", PodDns.Build(Pod("Default"), Alone with { HostResolvConf = "# nothing\n" }).Content);

    [Fact]
    public void A_resolver_on_loopback_alone_is_noticed()
    {
        Assert.True(PodDns.OnlyLoopback(ResolvConf.Parse("nameserver 127.0.0.53")));
        Assert.False(PodDns.OnlyLoopback(ResolvConf.Parse("nameserver 127.0.0.53\nnameserver 192.0.2.1")));
        Assert.False(PodDns.OnlyLoopback(ResolvConf.Empty));
    }

    private static V1Pod Pod(string? policy, bool hostNetwork = false) => new()
    {
        Metadata = new() { Name = "web", NamespaceProperty = "shop", Uid = "u1" },
        Spec = new() { DnsPolicy = policy, HostNetwork = hostNetwork, Containers = [] },
    };
}
