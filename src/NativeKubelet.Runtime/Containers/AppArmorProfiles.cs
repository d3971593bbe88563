using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Runtime.Containers;

/// <summary>The AppArmor profiles that the kernel holds, and the runtime's own among them.</summary>
internal static class AppArmorProfiles
{
    /// <summary>What containers get as RuntimeDefault.</summary>
    public const string Default = "nativekubelet-default";

    private const string List = "/sys/kernel/security/apparmor/profiles";

    /// <summary>
    /// Everything that an ordinary program does, but no writes to the kernel's own settings, no mounts, and no signals or
    /// traces across the container's border.
    /// </summary>
    private const string Text = $$"""
        profile {{Default}} flags=(attach_disconnected,mediate_deleted) {
          network,
          capability,
          file,
          umount,
          signal (receive) peer=unconfined,
          signal (send,receive) peer={{Default}},
          ptrace (trace,read,tracedby,readby) peer={{Default}},
          deny /proc/* w,
          deny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w,
          deny /proc/sys/[^k]** w,
          deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,
          deny /proc/sysrq-trigger rwklx,
          deny /proc/mem rwklx,
          deny /proc/kmem rwklx,
          deny /proc/kcore rwklx,
          deny mount,
          deny /sys/[^f]*/** wklx,
          deny /sys/f[^s]*/** wklx,
          deny /sys/fs/[^c]*/** wklx,
          deny /sys/fs/c[^g]*/** wklx,
          deny /sys/fs/cg[^r]*/** wklx,
          deny /sys/firmware/** rwklx,
          deny /sys/devices/virtual/powercap/** rwklx,
          deny /sys/kernel/security/** rwklx,
        }

        """;

    /// <returns>False also where the kernel's list is out of sight, as in many containers that have no securityfs.</returns>
    public static bool IsLoaded(string profile)
    {
        try
        {
            return Names(File.ReadAllText(List)).Contains(profile, StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Loads the runtime's own profile unless it is there.</summary>
    /// <param name="directory">Where the text may lie for the moment.</param>
    /// <returns>Null when it is loaded; else why not.</returns>
    public static async Task<string?> LoadDefaultAsync(string directory, CancellationToken cancel)
    {
        if (IsLoaded(Default)) return null;
        try
        {
            string? parser = ((string[])["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"]).FirstOrDefault(File.Exists);
            if (parser is null) return "apparmor_parser is not installed";
            string file = Path.Combine(directory, "apparmor-profile");
            AtomicFile.Write(file, Encoding.UTF8.GetBytes(Text), durable: false);
            ToolResult result = await ToolRun.RunAsync(new SpawnRequest(parser, [parser, "--skip-cache", "--replace", file]), default, 4096, TimeSpan.FromSeconds(30), cancel);
            File.Delete(file);
            return IsLoaded(Default) ? null : $"apparmor_parser: {Encoding.UTF8.GetString(result.Error).Trim()}";
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    /// <param name="text">Lines as "NAME (MODE)"; a name may hold blanks.</param>
    internal static IEnumerable<string> Names(string text) =>
        from line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        let end = line.LastIndexOf(" (", StringComparison.Ordinal)
        where end > 0
        select line[..end];
}
