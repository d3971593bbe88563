using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Cni;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Tests.Unit.Core.Network;

public sealed class CniConfigTests
{
    private const string List = """
        {"cniVersion":"1.0.0","name":"pods","disableCheck":true,"plugins":[
          {"type":"bridge","bridge":"cni0","ipam":{"type":"host-local"}},
          {"type":"portmap","capabilities":{"portMappings":true,"dns":false},"snat":true}]}
        """;

    [Fact]
    public void The_first_valid_file_by_name_wins_and_the_invalid_ones_before_it_are_told()
    {
        CniNetworkConfig? chosen = CniSelection.Choose(
            [File("20.conflist", List), File("10.conf", "{"), File("05.txt", "{}"), File("11.conflist", """{"name":"x","plugins":[]}"""), File("30.conf", "{")], out ImmutableArray<string> problems);

        Assert.Equal("pods", chosen!.Name);
        Assert.True(chosen.DisableCheck);
        Assert.Equal(["bridge", "portmap"], chosen.Plugins.Select(p => p.Type));
        Assert.Equal(["10.conf", "11.conflist"], problems.Select(p => p.Split(':')[0]));
        Assert.Equal("11.conflist: has no \"plugins\"", problems[1]);
    }

    [Fact]
    public void A_single_plugin_becomes_a_list_of_one()
    {
        CniNetworkConfig network = Parse("""{"cniVersion":"0.3.1","name":"one","type":"macvlan","master":"eth0"}""", single: true);

        Assert.Equal(("one", "0.3.1", "macvlan"), (network.Name, network.Version, Assert.Single(network.Plugins).Type));
        Assert.Equal(network.Plugins[0], Parse(network.Json).Plugins[0] with { Capabilities = network.Plugins[0].Capabilities });
    }

    [Theory]
    [InlineData("""{"name":"x","plugins":[{"type":"../sh"}]}""", "plugin type \"../sh\" is not the bare name of a program")]
    [InlineData("""{"name":"x","plugins":[{"type":".."}]}""", "is not the bare name of a program")]
    [InlineData("""{"name":"x","plugins":[{"type":""}]}""", "is not the bare name of a program")]
    [InlineData("""{"name":"x","plugins":[{"type":7}]}""", "\"type\" is no text")]
    [InlineData("""{"name":"x","plugins":[{}]}""", "has a plugin without \"type\"")]
    [InlineData("""{"name":"x","plugins":["bridge"]}""", "has a plugin that is no object")]
    [InlineData("""{"name":"a b","plugins":[{"type":"t"}]}""", "name \"a b\" is not made of")]
    [InlineData("""{"plugins":[{"type":"t"}]}""", "has no \"name\"")]
    [InlineData("""{"name":"x","cniVersion":"2.0.0","plugins":[{"type":"t"}]}""", "CNI version 2.0.0 is not among those supported")]
    [InlineData("""{"name":"x","disableGC":3,"plugins":[{"type":"t"}]}""", "\"disableGC\" is neither true nor false")]
    [InlineData("""{"name":"x","name":"y","plugins":[{"type":"t"}]}""", "has a name twice")]
    [InlineData("""{"name":"x","plugins":[{"type":"\ud800"}]}""", "holds text that is no Unicode")]
    [InlineData("[]", "is no JSON object")]
    [InlineData("{", "is no JSON")]
    public void What_cannot_be_used_is_refused_with_its_reason(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<CniConfigException>(() => Parse(text)).Message);

    [Theory]
    [InlineData("", "0.1.0", false, false)]
    [InlineData("\"cniVersion\":\"0.4.0\",", "0.4.0", true, false)]
    [InlineData("\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"1.1.0\",\"9.0.0\",\"1.0.0\"],", "1.1.0", true, true)]
    public void The_highest_common_version_is_spoken(string versions, string expected, bool check, bool status)
    {
        CniNetworkConfig network = Parse($$"""{{{versions}}"name":"x","plugins":[{"type":"t"}]}""");

        Assert.Equal((expected, check, status), (network.Version, network.HasCheck, network.HasGcAndStatus));
    }

    [Fact]
    public void A_plugin_is_told_what_it_declares_and_nothing_else()
    {
        CniNetworkConfig network = Parse(List);
        JsonObject all = CniRequest.Capabilities([new(8080, 80, "TCP", ""), new(0, 81, "TCP", "")], "/pod1", ImmutableDictionary<string, string>.Empty, null, ResolvConf.Parse("nameserver 192.0.2.1"));
        JsonNode previous = JsonNode.Parse("""{"cniVersion":"1.0.0","ips":[]}""")!;

        Assert.Equal("""{"type":"bridge","bridge":"cni0","ipam":{"type":"host-local"},"name":"pods","cniVersion":"1.0.0"}""", Text(CniRequest.Input(network, network.Plugins[0], null, all)));
        Assert.Equal("""{"type":"portmap","snat":true,"name":"pods","cniVersion":"1.0.0","prevResult":{"cniVersion":"1.0.0","ips":[]},"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""}]}}""",
            Text(CniRequest.Input(network, network.Plugins[1], previous, all)));
    }

    [Fact]
    public void The_arguments_have_the_originals_names_and_order() =>
        Assert.Equal("IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=u1", CniRequest.ArgumentText(CniRequest.Arguments("ns", "web", "u1", "abc")));

    [Fact]
    public void Bandwidth_comes_from_the_annotations_within_reason()
    {
        ImmutableDictionary<string, string> Notes(string ingress) => ImmutableDictionary<string, string>.Empty.Add("kubernetes.io/ingress-bandwidth", ingress);

        Assert.Equal("""{"ingressRate":10000000,"ingressBurst":4294967295}""", CniBandwidth.Of(Notes("10M"), out string? problem)!.ToJson().ToJsonString());
        Assert.Null(problem);
        Assert.Null(CniBandwidth.Of(Notes("1"), out problem));
        Assert.Contains("unreasonably small", problem);
        Assert.Null(CniBandwidth.Of(Notes("fast"), out problem));
        Assert.Contains("is no quantity", problem);
    }

    [Theory]
    [InlineData("""{"interfaces":[{"name":"cni0"},{"name":"veth1"},{"name":"eth0","sandbox":"/n"}],"ips":[{"address":"10.0.0.1/24","interface":0},{"address":"10.0.0.2/24","interface":2},{"address":"fd00:0::2/64","interface":2}]}""", "10.0.0.2,fd00::2")]
    [InlineData("""{"ips":[{"version":"4","address":"10.0.0.2/24"},{"version":"4","address":"10.0.1.2/24"}]}""", "10.0.0.2")]
    [InlineData("""{"ip4":{"ip":"10.0.0.2/24"},"ip6":{"ip":"fd00::2/64"},"dns":{}}""", "10.0.0.2,fd00::2")]
    [InlineData("""{"interfaces":[{"name":"eth0","sandbox":"/n"}],"ips":[{"address":"10.0.0.2/24","interface":9},{"address":"nonsense","interface":0},{"interface":0}]}""", "")]
    [InlineData("{}", "")]
    public void Addresses_are_those_of_the_pods_interface_one_per_family(string result, string expected)
    {
        CniResult parsed = JsonSerializer.Deserialize(result, CniJson.Default.CniResult)!;

        Assert.Equal(expected, string.Join(',', PodIps.ForStatus(PodIps.Of(parsed, "eth0"), preferIpv6: false)));
    }

    [Fact]
    public void The_preferred_family_comes_first() =>
        Assert.Equal(["fd00::2", "10.0.0.2"], PodIps.ForStatus([System.Net.IPAddress.Parse("10.0.0.2"), System.Net.IPAddress.Parse("fd00::2")], preferIpv6: true));

    [Fact]
    public void Hostile_files_are_refused_and_never_crash()
    {
        Random random = new(20260712);
        byte[] seed = Encoding.UTF8.GetBytes(List);
        for (int round = 0; round < 5_000; round++)
        {
            byte[] bytes = seed[..random.Next(seed.Length + 1)];
            for (int flips = random.Next(4); flips > 0 && bytes.Length > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            CniSelection.Choose([("a.conflist", bytes), ("b.conf", bytes)], out _);
        }
        CniSelection.Choose([("deep.conf", Encoding.UTF8.GetBytes(new string('[', 100_000)))], out ImmutableArray<string> problems);
        Assert.Single(problems);
    }

    private static CniNetworkConfig Parse(string text, bool single = false) => CniNetworkConfig.Parse(Encoding.UTF8.GetBytes(text), single);

    private static (string, byte[]) File(string name, string text) => (name, Encoding.UTF8.GetBytes(text));

    private static string Text(byte[] utf8) => Encoding.UTF8.GetString(utf8);
}
