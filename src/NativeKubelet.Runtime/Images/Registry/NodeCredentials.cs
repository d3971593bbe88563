using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>The node's own credentials: the first docker configuration that can be read. Looked at anew each time, so that a changed one counts.</summary>
public sealed class NodeCredentials(ImmutableArray<string> files, ILogger log)
{
    private const long LargestFile = 1 << 20;
    private readonly HashSet<string> _told = [];

    /// <summary>Where the kubelet looks, in its order.</summary>
    /// <param name="root">--root-dir.</param>
    /// <param name="home">Null: root's, as services have none.</param>
    public static ImmutableArray<string> Files(string root, string workingDirectory, string? home)
    {
        string user = home is { Length: > 0 } ? home : "/root";
        return
        [
            .. new[] { root, workingDirectory, Path.Combine(user, ".docker"), "/.docker" }.Select(d => Path.Combine(d, "config.json")),
            .. new[] { root, workingDirectory, user, "/" }.Select(d => Path.Combine(d, ".dockercfg")),
        ];
    }

    public ImmutableArray<RegistryCredential> Find(string domain, string path)
    {
        foreach (string file in files)
            if (Read(file) is { IsEmpty: false } found) return found.Find(domain, path);
        return [];
    }

    private DockerConfig? Read(string file)
    {
        try
        {
            if (!File.Exists(file)) return null;
            if (new FileInfo(file).Length > LargestFile) throw new FormatException($"is larger than {LargestFile >> 20} MiB");
            byte[] content = File.ReadAllBytes(file);
            return Path.GetFileName(file) == ".dockercfg" ? DockerConfig.ParseLegacy(content) : DockerConfig.Parse(content);
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            lock (_told)
                if (_told.Add($"{file} {e.Message}")) log.CredentialsUnreadable(file, e.Message);
            return null;
        }
    }
}
