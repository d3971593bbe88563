using System.Collections.Immutable;
using System.Text.Json.Nodes;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Network;

namespace NativeKubelet.Tests.Node.Network;

/// <summary>Debian's real plugins and wicked ones of our own, on a node of its own.</summary>
public sealed class CniNetworkTests : IAsyncLifetime
{
    private readonly NetworkHost _host = new();

    private string Leases => Path.Combine(_host.Directory, "ipam", "pods");
    private string Results => Path.Combine(_host.Settings.CniCacheDirectory, "results");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        Assert.SkipUnless(File.Exists("/usr/lib/cni/portmap"), "needs containernetworking-plugins");
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Bridge_host_local_and_portmap_in_a_chain_give_a_pod_its_network_and_take_all_of_it_back()
    {
        Configure("10-pods.conflist", Chain());
        SandboxNetwork network = _host.Start();
        NetworkAttachment server = _host.Pod(new PortMapping(18080, 8080, "TCP", "")), other = _host.Pod();

        string ip = Assert.Single(await network.AddAsync(server, Cancel));
        await network.AddAsync(other, Cancel);

        Assert.StartsWith("10.78.0.", ip);
        using NetworkHost.Server listening = NetworkHost.Listen(server, 8080);
        Assert.NotEmpty(await NetworkHost.AskAsync(other, ip, 8080));
        Assert.NotEmpty(await NetworkHost.AskAsync(_host.World, NetworkHost.NodeAddress, 18080));
        Assert.NotEmpty(await NetworkHost.AskAsync(server, "127.0.0.1", 8080));
        JsonNode entry = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Results, $"pods-{server.SandboxId}-eth0"), Cancel))!;
        Assert.Equal(("cniCacheV1", "pods", 8080), ((string?)entry["kind"], (string?)entry["networkName"], (int?)entry["capabilityArgs"]!["portMappings"]![0]!["containerPort"]));
        Assert.Equal($"{ip}/24", (string?)entry["result"]!["ips"]![0]!["address"]);

        await network.RemoveAsync(server.SandboxId, Cancel);
        await network.RemoveAsync(server.SandboxId, Cancel);
        await network.RemoveAsync(other.SandboxId, Cancel);

        Assert.Empty(Leased());
        Assert.Empty(Directory.EnumerateFiles(Results));
        Assert.DoesNotContain(_host.Links(), l => l.Name.StartsWith("veth", StringComparison.Ordinal));
        Assert.DoesNotContain("18080", NetworkHost.Tool(_host.Node, "/usr/sbin/iptables-save"));
        Assert.DoesNotContain("nkt0", _host.Everything());
        Assert.DoesNotContain("nativekubelet", _host.Everything());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Del_works_for_a_new_agent_without_configuration_and_namespace(bool reconciled)
    {
        Configure("10-pods.conflist", Chain());
        NetworkAttachment pod = _host.Pod(new PortMapping(18080, 8080, "TCP", ""));
        using (SandboxNetwork first = _host.Start()) await first.AddAsync(pod, Cancel);
        Assert.Single(Leased());
        File.Delete(Path.Combine(_host.ConfDirectory, "10-pods.conflist"));
        _host.EndNamespace(pod);

        SandboxNetwork second = _host.Start();
        if (reconciled) await second.ReconcileAsync([], Cancel);
        else await second.RemoveAsync(pod.SandboxId, Cancel);

        Assert.Empty(Leased());
        Assert.DoesNotContain("18080", NetworkHost.Tool(_host.Node, "/usr/sbin/iptables-save"));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "sandboxes")));
    }

    [Fact]
    public async Task After_a_reboot_plugins_get_no_namespace_of_that_name()
    {
        Script("spy", $$"""
            cat > {{_host.Directory}}/$CNI_COMMAND.in; env > {{_host.Directory}}/$CNI_COMMAND.env
            echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.1.1/24"}]}'
            """);
        Configure("10-spy.conf", """{"cniVersion":"1.0.0","name":"spy","type":"spy"}""");
        NetworkAttachment pod = _host.Pod();
        using (SandboxNetwork first = _host.Start(_host.Settings with { BootId = "one" })) await first.AddAsync(pod, Cancel);
        Assert.True(File.Exists(pod.NamespacePath));

        await _host.Start(_host.Settings with { BootId = "two" }).ReconcileAsync([], Cancel);

        Assert.Contains("CNI_NETNS=\n", await File.ReadAllTextAsync(Path.Combine(_host.Directory, "DEL.env"), Cancel));
        Assert.Equal("10.1.1.1/24", (string?)JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_host.Directory, "DEL.in"), Cancel))!["prevResult"]!["ips"]![0]!["address"]);
    }

    [Fact]
    public async Task A_plugin_is_told_what_it_declares_to_understand_and_the_sandbox_it_works_for()
    {
        Script("spy", $$"""
            cat > {{_host.Directory}}/in; env > {{_host.Directory}}/env; ls /proc/self/fd > {{_host.Directory}}/fds
            echo '{"ips":[{"address":"10.1.1.1/24"},{"address":"fd01::0:1/64"}]}'
            """);
        Configure("10-spy.conflist", """{"cniVersion":"0.4.0","name":"spy","plugins":[{"type":"spy","capabilities":{"bandwidth":true,"portMappings":false},"own":7}]}""");
        NetworkAttachment pod = _host.Pod(new PortMapping(18080, 8080, "TCP", "")) with
        {
            Annotations = ImmutableDictionary<string, string>.Empty.Add("kubernetes.io/ingress-bandwidth", "1M"),
        };

        Assert.Equal(["10.1.1.1", "fd01::1"], await _host.Start().AddAsync(pod, Cancel));

        JsonNode input = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_host.Directory, "in"), Cancel))!;
        Assert.Equal(("spy", "0.4.0", 7, 1_000_000), ((string?)input["name"], (string?)input["cniVersion"], (int?)input["own"], (int?)input["runtimeConfig"]!["bandwidth"]!["ingressRate"]));
        Assert.Null(input["runtimeConfig"]!["portMappings"]);
        string[] environment = await File.ReadAllLinesAsync(Path.Combine(_host.Directory, "env"), Cancel);
        Assert.Contains($"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID={pod.SandboxId};K8S_POD_UID={pod.PodUid}", environment);
        Assert.Contains($"CNI_NETNS={pod.NamespacePath}", environment);
        Assert.Contains("CNI_IFNAME=eth0", environment);
        Assert.Equal(["0", "1", "2", "3"], (await File.ReadAllLinesAsync(Path.Combine(_host.Directory, "fds"), Cancel)).Order());      // 3 is of ls itself
    }

    [Theory]
    [InlineData("cat > /dev/null; echo garbage", "plugin type=\"wicked\" name=\"pods\" failed (add): answered no CNI result")]
    [InlineData("cat > /dev/null", "failed (add): answered nothing")]
    [InlineData("""cat > /dev/null; printf %s '{"code":11,"msg":"no more\naddresses","details":"ask later"}'; exit 1""", "failed (add): no more addresses; ask later")]
    [InlineData("cat > /dev/null; echo daemon is away >&2; exit 3", "failed (add): exit code 3: \"daemon is away\"")]
    [InlineData("exit 1", "failed (add): exit code 1, and it said nothing")]
    [InlineData("sleep 600", "failed (add): did not answer within LIMIT s and was killed")]
    [InlineData("""cat > /dev/null; echo '{"ips":"all"}'""", "failed (add): answered no CNI result")]
    [InlineData("head -c 3000000 /dev/zero | tr '\\0' x", "failed (add): printed more than")]
    public async Task A_broken_plugin_is_quoted_and_what_ran_before_it_is_undone(string script, string words)
    {
        Script("wicked", $"[ $CNI_COMMAND = ADD ] || exit 0\n{script}");
        Configure("10-pods.conflist", Chain(last: "wicked"));
        // Short for the one that never answers alone: the plugin before it is a real one and has to keep it too.
        TimeSpan limit = words.Contains("LIMIT", StringComparison.Ordinal) ? TimeLimit.Of(3) : _host.Settings.PluginTimeLimit;
        SandboxNetwork network = _host.Start(_host.Settings with { PluginTimeLimit = limit });
        NetworkAttachment pod = _host.Pod();

        RuntimeException error = await Assert.ThrowsAsync<RuntimeException>(() => network.AddAsync(pod, Cancel));

        Assert.Equal("FailedCreatePodSandBox", error.Reason);
        Assert.StartsWith($"failed to setup network for sandbox \"{pod.SandboxId}\": ", error.Message);
        Assert.Contains(words.Replace("LIMIT", $"{limit.TotalSeconds}", StringComparison.Ordinal), error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Empty(Leased());
        Assert.DoesNotContain(_host.Links(), l => l.Name.StartsWith("veth", StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "sandboxes")));
    }

    [Fact]
    public async Task A_failing_del_is_told_and_kept_and_tried_again()
    {
        string gate = Path.Combine(_host.Directory, "gate");
        Script("daemon", $$"""
            cat > /dev/null; [ $CNI_COMMAND = ADD ] && echo '{"ips":[{"address":"10.1.1.1/24"}]}' && exit 0
            [ -e {{gate}} ] || { echo '{"code":50,"msg":"daemon is away"}'; exit 1; }
            """);
        Configure("10-daemon.conf", """{"cniVersion":"1.0.0","name":"daemon","type":"daemon"}""");
        SandboxNetwork network = _host.Start();
        NetworkAttachment pod = _host.Pod();
        await network.AddAsync(pod, Cancel);

        RuntimeException error = await Assert.ThrowsAsync<RuntimeException>(() => network.RemoveAsync(pod.SandboxId, Cancel));
        Assert.Contains("plugin type=\"daemon\" name=\"daemon\" failed (delete): daemon is away", error.Message);
        await network.ReconcileAsync([pod.SandboxId], Cancel);
        Assert.Single(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "sandboxes")));
        await File.WriteAllTextAsync(gate, "", Cancel);
        await network.RemoveAsync(pod.SandboxId, Cancel);

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "sandboxes")));
    }

    [Fact]
    public async Task A_plugin_that_is_gone_at_teardown_is_passed_over_with_a_warning()
    {
        Script("brief", """cat > /dev/null; echo '{"ips":[{"address":"10.1.1.1/24"}]}'""");
        Configure("10-brief.conf", """{"cniVersion":"1.0.0","name":"brief","type":"brief"}""");
        SandboxNetwork network = _host.Start();
        NetworkAttachment pod = _host.Pod();
        await network.AddAsync(pod, Cancel);
        File.Delete(Path.Combine(_host.BinDirectory, "brief"));

        await network.RemoveAsync(pod.SandboxId, Cancel);

        Assert.Contains(_host.Log.Lines, l => l.StartsWith("CniPluginGone plugin=brief", StringComparison.Ordinal));
        RuntimeException missing = await Assert.ThrowsAsync<RuntimeException>(() => network.AddAsync(_host.Pod(), Cancel));
        Assert.Contains("failed to find plugin \"brief\" in path [", missing.Message);
    }

    [Fact]
    public async Task A_pod_that_is_given_up_while_its_plugin_works_leaves_nothing()
    {
        string started = Path.Combine(_host.Directory, "started"), deleted = Path.Combine(_host.Directory, "deleted");
        Script("slow", $"[ $CNI_COMMAND = DEL ] && touch {deleted} && exit 0\ntouch {started}; sleep 600");
        Configure("10-slow.conf", """{"cniVersion":"1.0.0","name":"slow","type":"slow"}""");
        using CancellationTokenSource patience = new();
        Task adding = _host.Start().AddAsync(_host.Pod(), patience.Token);
        using FileSystemWatcher watcher = new(_host.Directory);
        while (!File.Exists(started)) watcher.WaitForChanged(WatcherChangeTypes.All, 100);

        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => adding);
        Assert.True(File.Exists(deleted));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_host.Data, "network", "sandboxes")));
    }

    [Fact]
    public async Task Configurations_come_and_go_and_each_pod_is_taken_down_by_what_made_it()
    {
        SandboxNetwork network = _host.Start();
        NetworkAttachment bridged = _host.Pod(), plugged = _host.Pod();
        Assert.StartsWith("10.77.0.", Assert.Single(await network.AddAsync(bridged, Cancel)));
        Configure("10-pods.conflist", "{");
        Assert.Contains($"no valid networks found in {_host.ConfDirectory}: 10-pods.conflist: is no JSON", network.NotReady);
        await Assert.ThrowsAsync<RuntimeException>(() => network.AddAsync(plugged, Cancel));

        Configure("10-pods.conflist", Chain());
        Assert.Null(network.NotReady);
        Assert.StartsWith("10.78.0.", Assert.Single(await network.AddAsync(plugged, Cancel)));
        await network.RemoveAsync(bridged.SandboxId, Cancel);
        Assert.DoesNotContain(_host.Links(), l => l.Name == "nkt0");       // the last of its pods is gone, and no other will come
        Assert.Equal("1", _host.Node.Run(() => File.ReadAllText("/proc/sys/net/ipv4/ip_forward")).Trim());
        File.Delete(Path.Combine(_host.ConfDirectory, "10-pods.conflist"));
        await network.RemoveAsync(plugged.SandboxId, Cancel);

        Assert.Empty(Leased());
        Assert.DoesNotContain(_host.Links(), l => l.Name.StartsWith("veth", StringComparison.Ordinal));
        Assert.Null(network.NotReady);
        Assert.StartsWith("10.77.0.", Assert.Single(await network.AddAsync(_host.Pod(), Cancel)));
        Assert.EndsWith("message:Network plugin returns error: cni plugin not initialized", _host.Start(_host.Settings with { BridgeName = "" }).NotReady);
    }

    [Fact]
    public async Task Twenty_pods_at_once_get_twenty_addresses()
    {
        Configure("10-pods.conflist", Chain());
        SandboxNetwork network = _host.Start();
        ImmutableArray<NetworkAttachment> pods = [.. Enumerable.Range(0, 20).Select(i => _host.Pod(new PortMapping(19000 + i, 80, "TCP", "")))];

        ImmutableArray<string>[] ips = await Task.WhenAll(pods.Select(p => network.AddAsync(p, Cancel)));

        Assert.Equal(20, ips.Select(i => Assert.Single(i)).Distinct().Count());
        await Task.WhenAll(pods.Select(p => network.RemoveAsync(p.SandboxId, Cancel)));
        Assert.Empty(Leased());
        Assert.DoesNotContain("dport 190", NetworkHost.Tool(_host.Node, "/usr/sbin/iptables-save"));
    }

    private IEnumerable<string> Leased() => Directory.Exists(Leases) ? Directory.EnumerateFiles(Leases, "10.78.*") : [];

    private void Configure(string name, string json) => File.WriteAllText(Path.Combine(_host.ConfDirectory, name), json);

    private void Script(string type, string body)
    {
        string path = Path.Combine(_host.BinDirectory, type);
        File.WriteAllText(path, "#!/bin/sh\n" + body + "\n");
        NetworkHost.Tool(_host.Node, "/bin/chmod", "0755", path);
    }

    private string Chain(string? last = null) => $$$"""
        {"cniVersion":"1.0.0","name":"pods","plugins":[
          {"type":"bridge","bridge":"nkc0","isGateway":true,"ipMasq":true,"hairpinMode":true,
           "ipam":{"type":"host-local","dataDir":"{{{Path.Combine(_host.Directory, "ipam")}}}","ranges":[[{"subnet":"10.78.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
          {"type":"{{{last ?? "portmap"}}}","capabilities":{"portMappings":true},"snat":true}]}
        """;
}
