using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>The program as a node of a cluster: the API double, and an agent that has joined it with a client certificate.</summary>
public sealed class ClusterHost : IAsyncDisposable
{
    private readonly System.Security.Cryptography.X509Certificates.X509Certificate2 _identity;

    private ClusterHost(ApiServer api, AgentHost agent, string node)
    {
        (Api, Agent, Node) = (api, agent, node);
        _identity = api.Authority.IssueClient(ApiUser.NameOfNode(node), TimeSpan.FromHours(1), ApiUser.Nodes);
    }

    public ApiServer Api { get; }

    public AgentHost Agent { get; }

    public string Node { get; }

    private string[] Flags => [$"--kubeconfig={Agent["kubelet.conf"]}", $"--hostname-override={Node}"];

    public static async Task<ClusterHost> StartAsync(ApiSettings? settings = null)
    {
        string node = $"node-{Guid.NewGuid().ToString("N")[..6]}";
        ClusterHost host = new(new ApiServer(settings), new AgentHost(), node);
        await host.Api.StartAsync();
        File.WriteAllText(host.Agent["kubelet.conf"], host.Api.Kubeconfig(host._identity));
        await host.StartAgentAsync();
        return host;
    }

    /// <summary>Returns when the agent runs, whether or not the API server answers.</summary>
    public Task StartAgentAsync() => Agent.LaunchedAsync(Flags);

    public Task<JsonObject> ReadyAsync() => ObjectAsync("nodes", Node, node => Condition(node, "Ready") == "True");

    public JsonObject Run(string name, string script, string restart = "Always") => Api.Create("pods", new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject
        {
            ["nodeName"] = Node, ["hostNetwork"] = true, ["restartPolicy"] = restart, ["terminationGracePeriodSeconds"] = 5,
            ["containers"] = new JsonArray(new JsonObject
            {
                ["name"] = "main", ["image"] = AgentHost.Image, ["imagePullPolicy"] = "Never", ["command"] = new JsonArray("sh", "-c", script),
            }),
        },
    });

    public Task<JsonObject> PodAsync(string name, Func<JsonObject, bool> wanted) => ObjectAsync("pods", name, wanted);

    public Task<JsonObject> RunningAsync(string name) => PodAsync(name, p => Text(p["status"]?["phase"]) == "Running" && Condition(p, "Ready") == "True");

    public async Task GoneAsync(string plural, string name) =>
        await ToldAsync(() => Api.WaitAsync(_ => Api.Find(plural, name) is null ? "gone" : null, AgentHost.Deadline()), plural, name);

    private Task<JsonObject> ObjectAsync(string plural, string name, Func<JsonObject, bool> wanted) =>
        ToldAsync(() => Api.WaitAsync(_ => Api.Find(plural, name) is { } found && wanted(found) ? found : null, AgentHost.Deadline()), plural, name);

    /// <summary>A wait that ends in vain says what there was instead.</summary>
    private async Task<T> ToldAsync<T>(Func<Task<T>> wait, string plural, string name)
    {
        try
        {
            return await wait();
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"{plural} {name} never was as asked: {Api.Find(plural, name)?.ToJsonString() ?? "not there"}\n{Agent.Said}");
        }
    }

    public static string Condition(JsonObject o, string type) =>
        Text((o["status"]?["conditions"] as JsonArray ?? []).FirstOrDefault(c => Text(c!["type"]) == type)?["status"]);

    public async ValueTask DisposeAsync()
    {
        await Agent.DisposeAsync();
        await Api.DisposeAsync();
        _identity.Dispose();
    }
}
