using k8s.Models;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Tests.Unit.Core.Network;

public sealed class PodNamesTests
{
    [Fact]
    public void A_pod_is_called_by_its_name_unless_it_says_otherwise()
    {
        Assert.Equal(new PodHostname("web", "", "web"), Names(Pod()));
        Assert.Equal(new PodHostname("own", "", "own"), Names(Pod(s => s.Hostname = "own")));
        Assert.Equal(new PodHostname("web", "db.shop.svc.cluster.local", "web"), Names(Pod(s => s.Subdomain = "db")));
        Assert.Equal(new PodHostname("web", "", "node1"), Names(Pod(s => s.HostNetwork = true)));
        Assert.Equal(new PodHostname("over", "", "over"), Names(Pod(s => (s.HostnameOverride, s.Hostname, s.Subdomain) = ("over", "own", "db"))));
    }

    [Fact]
    public void A_long_name_is_cut_and_does_not_end_in_a_dash_or_dot()
    {
        V1Pod pod = Pod();
        pod.Metadata.Name = new string('a', 60) + "-.-bcd";

        Assert.Equal(new string('a', 60), Names(pod).Kernel);
    }

    [Fact]
    public void The_full_name_becomes_the_kernels_where_asked_and_short_enough()
    {
        V1Pod pod = Pod(s => (s.Subdomain, s.SetHostnameAsFQDN) = ("db", true));
        Assert.Equal("web.db.shop.svc.cluster.local", Names(pod).Kernel);

        pod.Spec.Hostname = new string('h', 60);
        Assert.False(PodHostname.TryDerive(pod, "node1", "cluster.local", out _, out string error));
        Assert.Equal($"failed to construct FQDN from pod hostname and cluster domain, FQDN {new string('h', 60)}.db.shop.svc.cluster.local is too long (64 characters is the max, 86 characters requested)", error);
    }

    [Fact]
    public void The_hosts_file_is_the_originals()
    {
        PodHostname names = new("web", "db.shop.svc.cluster.local", "web");
        V1HostAlias[] aliases = [new() { Ip = "192.0.2.9", Hostnames = ["a.example", "b"] }, new() { Ip = "192.0.2.10", Hostnames = ["c"] }];

        Assert.Equal("""
            # Kubernetes-managed hosts file.
            127.0.0.1>localhost
            ::1>localhost ip6-localhost ip6-loopback
            fe00::0>ip6-localnet
            fe00::0>ip6-mcastprefix
            fe00::1>ip6-allnodes
            fe00::2>ip6-allrouters
            10.0.0.2>web.db.shop.svc.cluster.local>web
            fd00::2>web.db.shop.svc.cluster.local>web

            # Entries added by HostAliases.
            192.0.2.9>a.example>b
            192.0.2.10>c

            """.Replace('>', '\t'), HostsFile.ForPodNetwork(names, ["10.0.0.2", "fd00::2"], aliases));
        Assert.EndsWith("\n10.0.0.2\tweb\n", HostsFile.ForPodNetwork(names with { Domain = "" }, ["10.0.0.2"], null));
        Assert.Equal("# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n", HostsFile.ForHostNetwork("127.0.0.1 localhost\n", []));
    }

    private static PodHostname Names(V1Pod pod)
    {
        Assert.True(PodHostname.TryDerive(pod, "node1", "cluster.local", out PodHostname? names, out string error), error);
        return names;
    }

    private static V1Pod Pod(Action<V1PodSpec>? change = null)
    {
        V1Pod pod = new() { Metadata = new() { Name = "web", NamespaceProperty = "shop", Uid = "u1" }, Spec = new() { Containers = [] } };
        change?.Invoke(pod.Spec);
        return pod;
    }
}
