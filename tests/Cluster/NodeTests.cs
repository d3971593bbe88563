using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>A node that joined: its Node, its Lease, and what it asks the API server for.</summary>
public sealed class NodeTests
{
    [Fact]
    public async Task A_node_registers_itself_becomes_ready_and_renews_its_lease()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();

        JsonObject node = await host.ReadyAsync();

        Assert.Equal(host.Node, Text(Meta(node)["labels"]!["kubernetes.io/hostname"]));
        Assert.Equal("linux", Text(node["status"]!["nodeInfo"]!["operatingSystem"]));
        Assert.StartsWith("v1.36.", Text(node["status"]!["nodeInfo"]!["kubeletVersion"]), StringComparison.Ordinal);
        Assert.StartsWith("nativekubelet://", Text(node["status"]!["nodeInfo"]!["containerRuntimeVersion"]), StringComparison.Ordinal);
        Assert.Equal("Ready", Text(((JsonArray)node["status"]!["conditions"]!)[^1]!["type"]));
        Assert.Contains("RestartAllContainersOnContainerExits", node["status"]!["declaredFeatures"]!.AsArray().Select(Text));
        Assert.All((string[])["cpu", "memory", "pods", "ephemeral-storage"], r => Assert.NotEmpty(Text(node["status"]!["allocatable"]![r])));
        JsonObject lease = await host.Api.WaitAsync(_ => host.Api.Find("leases", host.Node, "kube-node-lease", "coordination.k8s.io"), AgentHost.Deadline());
        Assert.Equal(host.Node, Text(lease["spec"]!["holderIdentity"]));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", Text(lease["spec"]!["renewTime"]));
        Assert.Equal(Text(Meta(node)["uid"]), Text(lease["metadata"]!["ownerReferences"]![0]!["uid"]));
    }

    [Fact]
    public async Task A_node_that_exists_is_taken_over_with_its_administrators_labels_and_taints()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        await host.Agent.KillAsync();
        string uid = Text(Meta(host.Api.Find("nodes", host.Node)!)["uid"]);
        ResourceKind nodes = ResourceKind.Find("", "v1", "nodes")!;
        host.Api.Store.Update(nodes, "", host.Node, there =>
        {
            JsonObject changed = (JsonObject)there!.DeepClone();
            changed["metadata"]!["labels"]!["rack"] = "7";
            changed["metadata"]!["labels"]!["kubernetes.io/arch"] = "wrong";
            return changed;
        });

        await host.StartAgentAsync();

        JsonObject node = await host.Api.WaitAsync(_ => host.Api.Find("nodes", host.Node) is { } n && Text(Meta(n)["labels"]!["kubernetes.io/arch"]) != "wrong" ? n : null, AgentHost.Deadline());
        Assert.Equal("7", Text(Meta(node)["labels"]!["rack"]));
        Assert.Equal(uid, Text(Meta(node)["uid"]));
    }
}
