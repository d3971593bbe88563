using System.Text;
using NativeKubelet.Config;
using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Composition;

/// <summary>Which ids pods with users of their own get on this machine (spec 32 §13).</summary>
internal static class UserIds
{
    private const string Program = "getsubids", User = "kubelet";

    /// <summary>Those that the machine's administrator set aside for the user kubelet, where there is one and getsubids(1) is installed; else all above the host's own.</summary>
    /// <exception cref="ConfigException">What was set aside cannot be used: pods must not get ids that are somebody else's.</exception>
    public static async Task<IdPool> ReadAsync(long perPod, int maxPods, CancellationToken cancel)
    {
        string? program = ((string[])["/usr/bin/" + Program, "/bin/" + Program]).FirstOrDefault(File.Exists);
        bool user = File.Exists("/etc/passwd") && File.ReadLines("/etc/passwd").Any(l => l.StartsWith(User + ":", StringComparison.Ordinal));
        if (program is null || !user) return IdPool.Standard((uint)perPod);
        try
        {
            IdPool pool = IdPool.OfSubordinates(await AskAsync([program, User], cancel), await AskAsync([program, "-g", User], cancel), (uint)perPod);
            return pool.Pieces >= (ulong)maxPods ? pool : throw new FormatException($"it has room for {pool.Pieces} pods, fewer than maxPods {maxPods}");
        }
        catch (Exception e) when (e is FormatException or IOException)
        {
            throw new ConfigException($"the subordinate ids of the user {User} cannot be used for user namespaces: {e.Message}", e);
        }
    }

    private static async Task<string> AskAsync(string[] arguments, CancellationToken cancel)
    {
        ToolResult result = await ToolRun.RunAsync(new SpawnRequest(arguments[0], [.. arguments]), default, 4096, TimeSpan.FromSeconds(10), cancel);
        return result.Exit.Success ? Encoding.UTF8.GetString(result.Output) : throw new IOException($"{string.Join(' ', arguments)}: {Encoding.UTF8.GetString(result.Error).Trim()}");
    }
}
