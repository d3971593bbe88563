using System.Diagnostics;
using NativeKubelet.Tests.Node;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Cluster.Kubectl;

/// <summary>
/// A cluster and one node of it, seen through kubectl alone: those that KUBECONFIG and NODE_NAME name, or else the double and
/// an agent that has joined it. Every test class has a namespace of its own, which goes with it.
/// NK_CLUSTER_IMAGE names the image that the node of a given cluster runs or pulls; a busybox will do.
/// </summary>
public sealed class AnyCluster : IAsyncLifetime
{
    private readonly string _cache = Path.Combine(Path.GetTempPath(), $"nk-test-kubectl-{Guid.NewGuid():N}");
    private ClusterHost? _own;
    private string _kubeconfig = "";

    public string Node { get; private set; } = "";

    public string Image { get; private set; } = AgentHost.Image;

    public string Namespace { get; } = $"nk-test-{Guid.NewGuid().ToString("N")[..6]}";

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/kubectl"), "needs kubectl (package kubernetes-client)");
        string? given = Environment.GetEnvironmentVariable("KUBECONFIG"), node = Environment.GetEnvironmentVariable("NODE_NAME");
        if (given is { Length: > 0 } && node is { Length: > 0 })
        {
            (_kubeconfig, Node, Image) = (given, node, Environment.GetEnvironmentVariable("NK_CLUSTER_IMAGE") ?? "busybox");
            await MakeNamespaceAsync();
            // Made by a controller, and asked for by admission.
            await KubectlAsync("wait", "--for=create", "serviceaccount/default", Timeout());
            return;
        }
        _own = await ClusterHost.StartAsync();
        (_kubeconfig, Node) = (_own.AdminKubeconfig(), _own.Node);
        await _own.ReadyAsync();
        await MakeNamespaceAsync();
    }

    /// <summary>Makes a pod on the node whose one container runs <paramref name="script"/>.</summary>
    /// <param name="container">More fields of the container, one line of YAML each.</param>
    /// <param name="spec">More fields of the pod's spec, likewise.</param>
    public Task RunAsync(string name, string script, string[]? container = null, string[]? spec = null) => ApplyAsync($"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {name}
          labels: {"{app: "}{name}{"}"}
        spec:
          nodeName: {Node}
          terminationGracePeriodSeconds: 5
          automountServiceAccountToken: false
        {Lines(spec, 2)}
          containers:
          - name: main
            image: {Image}
            imagePullPolicy: IfNotPresent
            command: [sh, -c, {Quoted(script)}]
        {Lines(container, 4)}
        """);

    private Task MakeNamespaceAsync() => MakeAsync("Namespace", Namespace);

    /// <param name="more">Of the core group's object, one line of YAML.</param>
    public Task MakeAsync(string kind, string name, string more = "") => ApplyAsync($"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{more}\n");

    public Task ApplyAsync(string yaml) => AskAsync(yaml, "apply", "--validate=false", "-f", "-");

    /// <summary>Returns when the field of the object is so.</summary>
    public Task UntilAsync(string what, string path, string value) => KubectlAsync("wait", what, $"--for=jsonpath={path}={value}", Timeout());

    public Task ReadyAsync(string pod) => KubectlAsync("wait", $"pod/{pod}", "--for=condition=Ready", Timeout());

    public Task<string> FieldAsync(string what, string path) => KubectlAsync("get", what, "-o", $"jsonpath={path}");

    /// <summary>What kubectl wrote to its standard output.</summary>
    /// <exception cref="InvalidOperationException">It ended with another code than 0.</exception>
    public Task<string> KubectlAsync(params string[] words) => AskAsync("", words);

    public async Task<string> AskAsync(string input, params string[] words)
    {
        (int code, string output, string error) = await TryAsync(input, words);
        return code == 0 ? output : throw new InvalidOperationException($"kubectl {string.Join(' ', words)}: exit code {code}: {error}\n{_own?.Agent.Said}");
    }

    public async Task<(int Code, string Out, string Error)> TryAsync(string input, params string[] words)
    {
        using Process kubectl = Start(words);
        Task<string> output = kubectl.StandardOutput.ReadToEndAsync(), error = kubectl.StandardError.ReadToEndAsync();
        await kubectl.StandardInput.WriteAsync(input);
        kubectl.StandardInput.Close();
        await kubectl.WaitForExitAsync(AgentHost.Deadline(180));
        return (kubectl.ExitCode, await output, await error);
    }

    public Process Start(params string[] words) => Process.Start(
        new ProcessStartInfo("/usr/bin/kubectl", [$"--kubeconfig={_kubeconfig}", $"--cache-dir={_cache}", $"--namespace={Namespace}", .. words])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    public async ValueTask DisposeAsync()
    {
        if (_own is not null) await _own.DisposeAsync();
        else if (_kubeconfig.Length > 0) await KubectlAsync("delete", "namespace", Namespace, "--wait=false");
        if (Directory.Exists(_cache)) Directory.Delete(_cache, recursive: true);
    }

    private static string Timeout() => $"--timeout={TimeLimit.Of(120).TotalSeconds:0}s";

    private static string Lines(string[]? lines, int indent) => string.Join('\n', (lines ?? []).Select(line => new string(' ', indent) + line));

    private static string Quoted(string script) => $"\"{script.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
