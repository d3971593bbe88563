using System.Collections;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Config;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Cluster;

/// <summary>Credentials from a program (client.authentication.k8s.io), kept until they expire or are refused.</summary>
public sealed class ExecCredentials(ExecPlugin plugin, Kubeconfig cluster, TimeProvider time) : IDisposable
{
    private const int MostBytes = 1 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _one = new(1, 1);
    private string? _token;
    private DateTimeOffset _until;
    private bool _known;

    /// <summary>Of the last answer.</summary>
    public ClientCertificate? Certificate { get; private set; }

    /// <returns>Null where the program gives a certificate alone.</returns>
    /// <exception cref="ApiException">It failed, or its answer is none.</exception>
    public async Task<string?> TokenAsync(CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        try
        {
            if (!_known || time.GetUtcNow() >= _until) await RunAsync(cancel);
            return _token;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Forget() => _known = false;

    public void Dispose()
    {
        Certificate?.Leaf.Dispose();
        _one.Dispose();
    }

    private async Task RunAsync(CancellationToken cancel)
    {
        JsonObject spec = new() { ["interactive"] = false };
        if (plugin.WithCluster) spec["cluster"] = ClusterInfo();
        string info = new JsonObject { ["apiVersion"] = plugin.ApiVersion, ["kind"] = "ExecCredential", ["spec"] = spec }.ToJsonString();
        string path = ProgramPath.Find(plugin.Command) ?? throw new ApiException(0, "", $"exec plugin {plugin.Command}: not found in PATH; install it on this node");
        SpawnRequest request = new(path, [plugin.Command, .. plugin.Arguments]) { Environment = [.. Inherited(), .. plugin.Environment.Select(e => $"{e.Name}={e.Value}"), $"KUBERNETES_EXEC_INFO={info}"] };
        ToolResult result;
        try
        {
            result = await ToolRun.RunAsync(request, ReadOnlyMemory<byte>.Empty, MostBytes, Patience, cancel);
        }
        catch (ErrnoException e)
        {
            throw new ApiException(0, "", $"exec plugin {plugin.Command}: {e.Message}", inner: e);
        }
        if (result.TimedOut) throw new ApiException(0, "", $"exec plugin {plugin.Command} gave no answer within {Patience.TotalSeconds:0} s and was killed");
        if (!result.Exit.Success) throw new ApiException(0, "", $"exec plugin {plugin.Command} ended with {result.Exit}: {Encoding.UTF8.GetString(result.Error).Trim()}");
        Take(result.Output);
    }

    private JsonObject ClusterInfo()
    {
        JsonObject info = new() { ["server"] = cluster.Server.ToString().TrimEnd('/') };
        if (cluster.AuthorityPem is { } pem) info["certificate-authority-data"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(pem));
        if (cluster.TlsServerName is { } name) info["tls-server-name"] = name;
        return info;
    }

    /// <summary>The agent's own, but for what the service manager means for it alone.</summary>
    private static IEnumerable<string> Inherited() => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Where(e => (string)e.Key is not ("NOTIFY_SOCKET" or "WATCHDOG_USEC" or "WATCHDOG_PID")).Select(e => $"{e.Key}={e.Value}");

    private void Take(byte[] output)
    {
        try
        {
            ExecCredential given = ExecCredential.Parse(output);
            if (given is { Certificate: { } certificate, Key: { } key }) Certificate = ClientCertificate.Load($"of exec plugin {plugin.Command}", () => certificate, () => key);
            (_token, _until, _known) = (given.Token, given.Until, true);
        }
        catch (Exception e) when (e is FormatException or ConfigException)
        {
            throw new ApiException(0, "", $"exec plugin {plugin.Command}: {e.Message}", inner: e);
        }
    }
}

/// <summary>What such a program answers.</summary>
/// <param name="Certificate">PEM; with <paramref name="Key"/> or not at all.</param>
/// <param name="Until">From then on it is asked again.</param>
internal sealed record ExecCredential(string? Token, string? Certificate, string? Key, DateTimeOffset Until)
{
    /// <exception cref="FormatException">It is no ExecCredential, or one with neither a token nor a certificate with its key.</exception>
    public static ExecCredential Parse(byte[] answer)
    {
        ExecCredential given;
        try
        {
            JsonNode? status = JsonNode.Parse(answer)?["status"];
            given = new(status?["token"]?.GetValue<string>(), status?["clientCertificateData"]?.GetValue<string>(), status?["clientKeyData"]?.GetValue<string>(),
                status?["expirationTimestamp"]?.GetValue<DateTimeOffset>() ?? DateTimeOffset.MaxValue);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"its answer is no ExecCredential: {e.Message}", e);
        }
        return given.Token is not null || given is { Certificate: not null, Key: not null } ? given : throw new FormatException("it gave neither a token nor a certificate with its key");
    }
}
