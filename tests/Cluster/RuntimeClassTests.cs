using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;
using static NativeKubelet.Tests.Cluster.PodGroups;

namespace NativeKubelet.Tests.Cluster;

/// <summary>RuntimeClasses of a cluster: their handlers are OCI runtimes of the node, their overhead is the pod's.</summary>
public sealed class RuntimeClassTests
{
    private const string Server = "trap exit TERM; sleep 1000 & wait";

    [Fact]
    public async Task A_pod_runs_by_the_handler_of_its_class_and_its_group_holds_the_overhead_too()
    {
        string wrapper = Path.Combine(Directory.CreateTempSubdirectory("nk-handler-").FullName, "runtime");
        File.WriteAllText(wrapper, $"#!/bin/sh\necho \"$*\" >> {wrapper}.log\nexec /usr/sbin/runc \"$@\"\n");
        File.SetUnixFileMode(wrapper, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await using ClusterHost host = await ClusterHost.StartAsync(null, $"--runtime-handler=wrapped={wrapper}");
        await host.ReadyAsync();
        Make(host, "careful", "wrapped", new JsonObject { ["cpu"] = "150m", ["memory"] = "32Mi" });

        host.Run("plain", Server, spec: s => Limit(s, null));
        host.Run("dear", Server, spec: s => Limit(s, "careful"));
        JsonObject plain = await host.RunningAsync("plain"), dear = await host.RunningAsync("dear");

        Assert.Equal((10_000, 10_000, 64L << 20, 64L << 20), (Quota(host, plain), PodQuota(host, plain), Memory(host, plain), PodMemory(host, plain)));
        Assert.Equal((10_000, 25_000, 64L << 20, 96L << 20), (Quota(host, dear), PodQuota(host, dear), Memory(host, dear), PodMemory(host, dear)));
        string run = Assert.Single(File.ReadLines(wrapper + ".log"), line => line.Split(' ').Contains("run"));
        Assert.Contains(Text(StatusOf(dear)["containerID"])["nativekubelet://".Length..], run, StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(wrapper)!, recursive: true);
    }

    [Fact]
    public async Task A_pod_of_an_unknown_class_is_refused_and_waits_when_its_class_has_gone_since()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        ApiException refused = Assert.Throws<ApiException>(() => host.Run("never", "exit 0", "Never", s => s["runtimeClassName"] = "none"));
        Assert.Equal((403, "pods \"never\" is forbidden: pod rejected: RuntimeClass \"none\" not found"), (refused.Code, refused.Message));

        Make(host, "brief", "nobody");
        await host.Agent.KillAsync();
        host.Run("waits", "exit 0", "Never", s => s["runtimeClassName"] = "brief");
        host.Api.Delete("runtimeclasses", "brief");
        await host.StartAgentAsync();
        await host.EventAsync("FailedCreatePodSandBox", "Failed to create pod sandbox: runtimeclass.node.k8s.io \"brief\" not found");

        Make(host, "brief", "nobody");
        await host.EventAsync("FailedCreatePodSandBox", "Failed to create pod sandbox: runtime handler \"nobody\" is not known to this node");
        JsonObject waits = host.Api.Find("pods", "waits")!;
        Assert.Equal(("Pending", "ContainerCreating"), (Text(waits["status"]!["phase"]), Text(StatusOf(waits)["state"]!["waiting"]!["reason"])));
    }

    private static void Make(ClusterHost host, string name, string handler, JsonObject? overhead = null)
    {
        JsonObject made = new() { ["metadata"] = new JsonObject { ["name"] = name }, ["handler"] = handler };
        if (overhead is not null) made["overhead"] = new JsonObject { ["podFixed"] = overhead };
        host.Api.Create("runtimeclasses", made, group: "node.k8s.io");
    }

    private static void Limit(JsonObject spec, string? className)
    {
        spec["containers"]![0]!["resources"] = new JsonObject { ["limits"] = new JsonObject { ["cpu"] = "100m", ["memory"] = "64Mi" } };
        if (className is not null) spec["runtimeClassName"] = className;
    }
}
