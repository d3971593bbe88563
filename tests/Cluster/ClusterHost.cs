using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>The program as a node of a cluster: the API double, and an agent that has joined it with a client certificate.</summary>
public sealed class ClusterHost : IAsyncDisposable
{
    private readonly X509Certificate2 _identity;

    private string[] _more = [];

    private ClusterHost(ApiServer api, AgentHost agent, string node)
    {
        (Api, Agent, Node) = (api, agent, node);
        _identity = api.Authority.IssueClient(ApiUser.NameOfNode(node), TimeSpan.FromHours(1), ApiUser.Nodes);
    }

    public ApiServer Api { get; }

    public AgentHost Agent { get; }

    public string Node { get; }

    /// <summary>Of the node's own server, on loopback.</summary>
    public int Port { get; } = LoopbackPort.Free();

    /// <summary>The authority that the node believes about its clients; a test may replace its content.</summary>
    public string ClientAuthority => Agent["ca.crt"];

    public static ApiUser Bootstrapper { get; } = new("system:bootstrap:abcdef", [ApiUser.Bootstrappers, "system:authenticated"]);

    private string[] Flags =>
    [
        $"--kubeconfig={Agent["kubelet.conf"]}", $"--hostname-override={Node}", "--address=127.0.0.1", $"--port={Port}", $"--cert-dir={Agent["pki"]}", $"--client-ca-file={ClientAuthority}", .. _more,
    ];

    public static async Task<ClusterHost> StartAsync(ApiSettings? settings = null, params string[] more)
    {
        ClusterHost host = await MakeAsync(settings, more);
        File.WriteAllText(host.Agent["kubelet.conf"], host.Api.Kubeconfig(host._identity));
        await host.StartAgentAsync();
        return host;
    }

    /// <summary>A node that was given a bootstrap token, and nothing else or what is of no use any more.</summary>
    public static async Task<ClusterHost> BootstrapAsync(bool endedCertificate = false)
    {
        ClusterHost host = await MakeAsync(null, []);
        host._more = [$"--bootstrap-kubeconfig={host.Agent["bootstrap.conf"]}", "--rotate-certificates"];
        File.WriteAllText(host.Agent["bootstrap.conf"], host.Api.Kubeconfig(host.Api.Tokens.Issue(Bootstrapper)));
        using var ended = host.Api.Authority.IssueClient(ApiUser.NameOfNode(host.Node), TimeSpan.FromMinutes(-1), ApiUser.Nodes);
        if (endedCertificate) File.WriteAllText(host.Agent["kubelet.conf"], host.Api.Kubeconfig(ended));
        await host.StartAgentAsync();
        return host;
    }

    private static async Task<ClusterHost> MakeAsync(ApiSettings? settings, string[] more)
    {
        string node = $"node-{Guid.NewGuid().ToString("N")[..6]}";
        ClusterHost host = new(new ApiServer((settings ?? new()) with { NodeAddress = IPAddress.Loopback }), new AgentHost(), node) { _more = more };
        await host.Api.StartAsync();
        File.WriteAllText(host.ClientAuthority, host.Api.Authority.RootPem);
        return host;
    }

    /// <summary>Returns when the agent runs and its port is open, whether or not the API server answers.</summary>
    /// <param name="more">Flags for this once.</param>
    public async Task StartAgentAsync(params string[] more)
    {
        await Agent.LaunchedAsync([.. Flags, .. more]);
        for (CancellationToken deadline = AgentHost.Deadline(); !await ListensAsync(deadline);) await Task.Delay(10, deadline);
    }

    public Task<JsonObject> ReadyAsync() => ObjectAsync("nodes", Node, node => Condition(node, "Ready") == "True");

    public JsonObject Run(string name, string script, string restart = "Always", Action<JsonObject>? spec = null) => Api.Create("pods", Specified(spec, new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject
        {
            ["nodeName"] = Node,
            ["hostNetwork"] = true,
            ["restartPolicy"] = restart,
            ["terminationGracePeriodSeconds"] = 5,
            ["containers"] = new JsonArray(new JsonObject
            {
                ["name"] = "main",
                ["image"] = AgentHost.Image,
                ["imagePullPolicy"] = "Never",
                ["command"] = new JsonArray("sh", "-c", script),
            }),
        },
    }));

    private static JsonObject Specified(Action<JsonObject>? change, JsonObject pod)
    {
        change?.Invoke((JsonObject)pod["spec"]!);
        return pod;
    }

    /// <summary>As somebody else with rights to a pod's status sets a condition.</summary>
    public void SetCondition(string pod, string type, string status) => Api.Store.Update(ResourceKind.Find("", "v1", "pods")!, "default", pod, there =>
    {
        JsonObject changed = (JsonObject)there!.DeepClone();
        JsonArray conditions = changed["status"]!["conditions"] as JsonArray ?? [];
        foreach (JsonNode? before in conditions.Where(c => Text(c!["type"]) == type).ToArray()) conditions.Remove(before);
        conditions.Add((JsonNode)new JsonObject { ["type"] = type, ["status"] = status, ["lastTransitionTime"] = "2026-01-02T03:04:05Z" });
        if (conditions.Parent is null) changed["status"]!["conditions"] = conditions;
        return changed;
    });

    public Task<JsonObject> PodAsync(string name, Func<JsonObject, bool> wanted) => ObjectAsync("pods", name, wanted);

    public Task<JsonObject> RunningAsync(string name) => PodAsync(name, p => Text(p["status"]?["phase"]) == "Running" && Condition(p, "Ready") == "True");

    /// <returns>The message of an event in the namespace default.</returns>
    /// <param name="words">Some of it.</param>
    public Task<string> EventAsync(string reason, string words) => ToldAsync(
        () => Api.WaitAsync(s => s.List(ResourceKind.Find("", "v1", "events")!, "default").Items.Where(e => Text(e["reason"]) == reason).Select(e => Text(e["message"])).FirstOrDefault(m => m.Contains(words, StringComparison.Ordinal)), AgentHost.Deadline()),
        "events", reason);

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

    /// <summary>A client of the node's own server.</summary>
    /// <param name="certificate">Null: it shows none.</param>
    public HttpClient Client(X509Certificate2? certificate = null, string? token = null)
    {
        SslClientAuthenticationOptions tls = new() { RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null };
        if (certificate is not null) tls.ClientCertificates = [certificate];
        HttpClient client = new(new SocketsHttpHandler { SslOptions = tls }) { BaseAddress = new Uri($"https://127.0.0.1:{Port}"), Timeout = TimeSpan.FromSeconds(60) };
        if (token is not null) client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    /// <returns>The file of the cluster's administrator, made when it is asked for first.</returns>
    public string AdminKubeconfig()
    {
        string kubeconfig = Agent["admin.conf"];
        if (File.Exists(kubeconfig)) return kubeconfig;
        using X509Certificate2 admin = Api.Authority.IssueClient("kubernetes-admin", TimeSpan.FromHours(1), ApiUser.Admins);
        File.WriteAllText(kubeconfig, Api.Kubeconfig(admin));
        return kubeconfig;
    }

    /// <summary>Runs the real kubectl as the cluster's administrator.</summary>
    public (int Code, string Out, string Error) Kubectl(params string[] words)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/kubectl"), "needs kubectl (package kubernetes-client)");
        using Process kubectl = Process.Start(new ProcessStartInfo("/usr/bin/kubectl", [$"--kubeconfig={AdminKubeconfig()}", $"--cache-dir={Agent["kubectl-cache"]}", .. words]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = kubectl.StandardError.ReadToEndAsync();
        string output = kubectl.StandardOutput.ReadToEnd();
        kubectl.WaitForExit();
        return (kubectl.ExitCode, output, error.Result);
    }

    private async Task<bool> ListensAsync(CancellationToken deadline)
    {
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync(IPAddress.Loopback, Port, deadline);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Agent.DisposeAsync();
        await Api.DisposeAsync();
        _identity.Dispose();
    }
}
