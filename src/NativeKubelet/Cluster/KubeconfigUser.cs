using System.Collections.Immutable;
using System.Text.Json.Nodes;
using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>Who a kubeconfig says that we are. Several kinds may stand together; secrets are never printed.</summary>
/// <param name="TokenFile">Wins over <paramref name="Token"/> once it can be read.</param>
public sealed record KubeconfigUser(
    string? CertificatePem, string? CertificateFile, string? KeyPem, string? KeyFile, string? Token, string? TokenFile,
    string? Username, string? Password, ExecPlugin? Exec, string? As, ImmutableArray<string> AsGroups)
{
    public bool HasCertificate => (CertificatePem ?? CertificateFile) is not null;

    /// <summary>The certificate's key, in PEM.</summary>
    /// <exception cref="IOException">Its file cannot be read.</exception>
    public string KeyText() => KeyPem ?? File.ReadAllText(KeyFile!);

    /// <summary>Whose certificate and key are in one file.</summary>
    public static KubeconfigUser OfFile(string path) => new(null, path, null, path, null, null, null, null, null, null, []);

    /// <exception cref="ConfigException">Something is there that is not understood.</exception>
    internal static KubeconfigUser Read(JsonObject user, string directory)
    {
        if (user["auth-provider"] is not null) throw new ConfigException("invalid kubeconfig: user: auth-provider was removed from Kubernetes; use exec");
        (string? certificate, string? certificateFile) = Kubeconfig.Material(user, "client-certificate", directory);
        (string? key, string? keyFile) = Kubeconfig.Material(user, "client-key", directory);
        if ((certificate ?? certificateFile) is null != ((key ?? keyFile) is null))
            throw new ConfigException("invalid kubeconfig: user: client-certificate and client-key need each other");
        string? tokenFile = Kubeconfig.Text(user, "tokenFile");
        return new(
            certificate, certificateFile, key, keyFile, Kubeconfig.Text(user, "token"), tokenFile is null ? null : Path.GetFullPath(tokenFile, directory),
            Kubeconfig.Text(user, "username"), Kubeconfig.Text(user, "password"), ExecPlugin.Read(user["exec"], directory),
            Kubeconfig.Text(user, "as"), [.. (user["as-groups"] as JsonArray ?? []).Select(g => g?.ToString() ?? "")]);
    }

    /// <summary>Records print their members; these are secrets.</summary>
    public override string ToString() => "KubeconfigUser";
}

/// <summary>A program that hands out credentials.</summary>
/// <param name="Command">A name looked up in PATH, or an absolute path.</param>
public sealed record ExecPlugin(string ApiVersion, string Command, ImmutableArray<string> Arguments, ImmutableArray<(string Name, string Value)> Environment, bool WithCluster)
{
    internal static ExecPlugin? Read(JsonNode? node, string directory)
    {
        if (node is not JsonObject exec) return null;
        string version = Kubeconfig.Text(exec, "apiVersion") ?? "";
        if (version is not ("client.authentication.k8s.io/v1" or "client.authentication.k8s.io/v1beta1"))
            throw new ConfigException($"invalid kubeconfig: user: exec: apiVersion \"{version}\" is not client.authentication.k8s.io/v1 or v1beta1");
        string command = Kubeconfig.Text(exec, "command") ?? throw new ConfigException("invalid kubeconfig: user: exec: command is not set");
        if (Kubeconfig.Text(exec, "interactiveMode") == "Always") throw new ConfigException("invalid kubeconfig: user: exec: interactiveMode Always cannot be for a node, nobody is there to answer");
        // As clients agree: a path with a slash is relative to the kubeconfig, a bare name is looked up in PATH.
        if (command.Contains('/')) command = Path.GetFullPath(command, directory);
        return new(
            version, command, [.. (exec["args"] as JsonArray ?? []).Select(a => a?.ToString() ?? "")],
            [.. (exec["env"] as JsonArray ?? []).OfType<JsonObject>().Select(e => (Kubeconfig.Text(e, "name") ?? "", Kubeconfig.Text(e, "value") ?? ""))],
            exec["provideClusterInfo"] is JsonValue flag && flag.TryGetValue(out bool with) && with);
    }

    public override string ToString() => $"exec {Command}";
}
