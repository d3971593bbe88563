using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Cluster.Streams;

/// <summary>A node that has joined, with one running pod named web, and the ways into its container: through the API server, or straight to the node.</summary>
public sealed class StreamHost : IAsyncDisposable
{
    private readonly ClusterHost _cluster;

    private StreamHost(ClusterHost cluster)
    {
        _cluster = cluster;
        Admin = cluster.Api.Authority.IssueClient("kubernetes-admin", TimeSpan.FromHours(1), ApiUser.Admins);
    }

    public ApiServer Api => _cluster.Api;

    public X509Certificate2 Admin { get; }

    /// <summary>How kubectl asks; it prefers WebSockets where it is left to itself.</summary>
    public bool Spdy { get; init; }

    private string Kubeconfig => _cluster.Agent["admin.conf"];

    private string Cache => _cluster.Agent["kubectl-cache"];

    /// <param name="change">Of the container.</param>
    /// <param name="network">On the node's bridge, and ready when port 8080 is open; otherwise on the host's network.</param>
    public static async Task<StreamHost> StartAsync(string script, Action<JsonObject>? change = null, bool network = false, bool spdy = false, params string[] flags)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/kubectl"), "needs kubectl (package kubernetes-client)");
        StreamHost host = new(await ClusterHost.StartAsync(null, flags)) { Spdy = spdy };
        try
        {
            File.WriteAllText(host.Kubeconfig, host.Api.Kubeconfig(host.Admin));
            await host._cluster.ReadyAsync();
            JsonObject container = new()
            {
                ["name"] = "main",
                ["image"] = AgentHost.Image,
                ["imagePullPolicy"] = "Never",
                ["command"] = new JsonArray("sh", "-c", script),
            };
            if (network) container["readinessProbe"] = new JsonObject { ["tcpSocket"] = new JsonObject { ["port"] = 8080 }, ["periodSeconds"] = 1 };
            change?.Invoke(container);
            host.Api.Create("pods", new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = "web" },
                ["spec"] = new JsonObject
                {
                    ["nodeName"] = host._cluster.Node,
                    ["hostNetwork"] = !network,
                    ["terminationGracePeriodSeconds"] = 1,
                    ["containers"] = new JsonArray(container),
                },
            });
            await host._cluster.RunningAsync("web");
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client of the node's own server.</summary>
    public HttpClient Client() => _cluster.Client(Admin);

    /// <summary>kubectl with an administrator's rights.</summary>
    public Process Kubectl(params string[] arguments)
    {
        ProcessStartInfo start = new("/usr/bin/kubectl", ["--kubeconfig", Kubeconfig, "--cache-dir", Cache, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string choice in (string[])["KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "KUBECTL_PORT_FORWARD_WEBSOCKETS"]) start.Environment[choice] = Spdy ? "false" : "true";
        return Process.Start(start)!;
    }

    /// <summary>kubectl on a user's terminal.</summary>
    public Process KubectlOn(string terminal, string arguments) => Process.Start(
        "sh", ["-c", $"exec /usr/bin/kubectl --kubeconfig {Kubeconfig} --cache-dir {Cache} {arguments} <{terminal} >{terminal} 2>&1"]);

    /// <summary>Gives it its input whole and waits for its end.</summary>
    public async Task<(int Code, byte[] Out, string Error)> KubectlAsync(byte[] input, params string[] arguments)
    {
        using Process kubectl = Kubectl(arguments);
        using MemoryStream output = new();
        Task reading = kubectl.StandardOutput.BaseStream.CopyToAsync(output, AgentHost.Deadline());
        Task<string> error = kubectl.StandardError.ReadToEndAsync(AgentHost.Deadline());
        Task writing = WriteAsync(kubectl, input);
        try
        {
            await kubectl.WaitForExitAsync(AgentHost.Deadline());
            await Task.WhenAll(reading, error, writing);
        }
        finally
        {
            if (!kubectl.HasExited) kubectl.Kill();
        }
        return (kubectl.ExitCode, output.ToArray(), await error);
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        Admin.Dispose();
    }

    private static async Task WriteAsync(Process kubectl, byte[] input)
    {
        try
        {
            await kubectl.StandardInput.BaseStream.WriteAsync(input, AgentHost.Deadline());
            kubectl.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before it wanted all of it.
        }
    }
}
