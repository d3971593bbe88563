using k8s.Models;
using NativeKubelet.Core.Containers;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class ServiceVariablesTests
{
    private static readonly V1Service[] Services =
    [
        Service("default", "kubernetes", "10.96.0.1", ("https", 443, "TCP")),
        Service("shop", "my-db", "10.96.0.7", ("", 5432, "TCP"), ("stats-http", 80, "UDP")),
        Service("shop", "headless", "None", ("", 80, "TCP")),
        Service("other", "theirs", "10.96.0.9", ("", 80, "TCP")),
    ];

    [Fact]
    public void A_service_is_told_in_all_the_names_that_links_had()
    {
        Dictionary<string, string> variables = new(ServiceVariables.For(Pod("shop", links: true), Services));

        Assert.Equal("10.96.0.7", variables["MY_DB_SERVICE_HOST"]);
        Assert.Equal("5432", variables["MY_DB_SERVICE_PORT"]);
        Assert.Equal("80", variables["MY_DB_SERVICE_PORT_STATS_HTTP"]);
        Assert.Equal("tcp://10.96.0.7:5432", variables["MY_DB_PORT"]);
        Assert.Equal("udp://10.96.0.7:80", variables["MY_DB_PORT_80_UDP"]);
        Assert.Equal(("udp", "80", "10.96.0.7"), (variables["MY_DB_PORT_80_UDP_PROTO"], variables["MY_DB_PORT_80_UDP_PORT"], variables["MY_DB_PORT_80_UDP_ADDR"]));
        Assert.DoesNotContain(variables.Keys, k => k.StartsWith("HEADLESS", StringComparison.Ordinal) || k.StartsWith("THEIRS", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_links_only_the_way_to_the_API_server_is_told()
    {
        Dictionary<string, string> variables = new(ServiceVariables.For(Pod("shop", links: false), Services));

        Assert.Equal(("10.96.0.1", "443", "443"), (variables["KUBERNETES_SERVICE_HOST"], variables["KUBERNETES_SERVICE_PORT"], variables["KUBERNETES_SERVICE_PORT_HTTPS"]));
        Assert.All(variables.Keys, k => Assert.StartsWith("KUBERNETES_", k, StringComparison.Ordinal));
    }

    [Fact]
    public void An_address_of_version_6_is_put_in_brackets_before_a_port() =>
        Assert.Contains(KeyValuePair.Create("A_PORT", "tcp://[fd00::1]:80"), ServiceVariables.For(Pod("shop", links: true), [Service("shop", "a", "fd00::1", ("", 80, "TCP"))]));

    [Fact]
    public void What_the_pod_declares_itself_counts_and_may_refer_to_services()
    {
        V1Container container = new() { Name = "main", Env = [new() { Name = "URL", Value = "pg://$(MY_DB_SERVICE_HOST)" }, new() { Name = "MY_DB_SERVICE_PORT", Value = "1" }] };
        EnvironmentSources sources = Sources.None with { Services = ServiceVariables.For(Pod("shop", links: true), Services) };

        Dictionary<string, string> variables = new(ContainerEnvironment.Declared(Pod("shop", links: true), container, sources));

        Assert.Equal(("pg://10.96.0.7", "1", "10.96.0.7"), (variables["URL"], variables["MY_DB_SERVICE_PORT"], variables["MY_DB_SERVICE_HOST"]));
    }

    private static V1Pod Pod(string space, bool links) => new() { Metadata = new() { Name = "p", NamespaceProperty = space }, Spec = new() { EnableServiceLinks = links } };

    private static V1Service Service(string space, string name, string ip, params (string Name, int Port, string Protocol)[] ports) => new()
    {
        Metadata = new() { Name = name, NamespaceProperty = space },
        Spec = new() { ClusterIP = ip, Ports = [.. ports.Select(p => new V1ServicePort { Name = p.Name, Port = p.Port, Protocol = p.Protocol })] },
    };
}
