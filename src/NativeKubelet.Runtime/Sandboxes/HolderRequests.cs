using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>How a holder is started.</summary>
/// <param name="SocketPath">Made here, in a directory of mode 0700; any depth.</param>
/// <param name="CgroupProcs">The cgroup.procs files it moves itself into first; on v1 one per hierarchy.</param>
public sealed record HolderLaunch(string SocketPath, ImmutableArray<string> CgroupProcs);

/// <summary>The pod's namespace holder.</summary>
/// <param name="Sysctls">Kubernetes names ("net.ipv4.tcp_syncookies") and values; checked for safety by the caller.</param>
/// <param name="UidMap">Lines of uid_map(5); needed with <see cref="PauseNamespaces.User"/>.</param>
/// <param name="CgroupProcs">The cgroup.procs files of the pause's own leaf.</param>
public sealed record PauseRequest(
    PauseNamespaces Namespaces,
    string? Hostname,
    ImmutableArray<KeyValuePair<string, string>> Sysctls,
    string? UidMap,
    string? GidMap,
    ImmutableArray<string> CgroupProcs)
{
    /// <summary>
    /// The path below /proc/sys of a sysctl's name. As in sysctl(8) the first separator decides: with dots, a slash
    /// stands for a dot within a component (<c>net.ipv4.conf.eth0/1.forwarding</c>).
    /// </summary>
    public static string SysctlPath(string name)
    {
        int first = name.AsSpan().IndexOfAny('.', '/');
        if (first < 0 || name[first] == '/') return name;
        return string.Create(name.Length, name, (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
                span[i] = source[i] switch { '.' => '/', '/' => '.', char c => c };
        });
    }
}

/// <summary>A container's start by its OCI runtime, which detaches and leaves the container to the holder.</summary>
/// <param name="Arguments">The runtime's whole command line; its first element is an absolute path.</param>
/// <param name="PidFile">As given to the runtime.</param>
/// <param name="ExitFile">Written when the container ends, on tmpfs; see <see cref="HolderExitFile"/>.</param>
/// <param name="OomFile">memory.events (v2) or memory.oom_control (v1) of the container's cgroup; null where there is none.</param>
/// <param name="LogPath">The CRI log; its directory exists.</param>
/// <param name="LogMaxSize">Exact ceiling of the file in bytes; 0 or less: none.</param>
/// <param name="LogMaxFiles">The current one counted; at least 2.</param>
/// <param name="ConsoleSocket">With a terminal: as given to the runtime, at most 107 bytes.</param>
public sealed record RunRequest(
    string ContainerId,
    ImmutableArray<string> Arguments,
    ImmutableArray<string> Environment,
    string PidFile,
    string ExitFile,
    string? OomFile,
    string LogPath,
    long LogMaxSize,
    int LogMaxFiles,
    bool Stdin,
    string? ConsoleSocket);

/// <summary>Exactly one of pid and failure tells.</summary>
/// <param name="Pid">Of the container's init process; 0 when the runtime failed.</param>
/// <param name="RuntimeExitCode">128+n for a death by signal n; meaningful when <paramref name="Pid"/> is 0.</param>
/// <param name="RuntimeError">The beginning of what the runtime said on stderr; its log file tells more.</param>
public sealed record RunResult(int Pid, int RuntimeExitCode, string RuntimeError)
{
    public bool Started => Pid > 0;
}

/// <summary>A further process in a container.</summary>
/// <param name="ExecId">Unique among the container's execs, at most 79 bytes.</param>
public sealed record ExecRequest(
    string ContainerId,
    string ExecId,
    ImmutableArray<string> Arguments,
    ImmutableArray<string> Environment,
    string PidFile,
    string? ConsoleSocket);

/// <summary>One container or exec as its holder sees it.</summary>
/// <param name="ExecId">Empty for the container itself.</param>
/// <param name="Exit">Set in state Ended.</param>
public sealed record HolderEntry(string ContainerId, string ExecId, HolderProcessState State, int Pid, HolderExit? Exit);

/// <summary>How a process ended.</summary>
/// <param name="Code">128+n for a death by signal n; 255 when it is not known.</param>
/// <param name="Signal">0 when it exited by itself.</param>
/// <param name="OomKilled">The kernel killed at least one process of the container's cgroup for lack of memory.</param>
/// <param name="Lost">Nobody saw how it ended.</param>
public sealed record HolderExit(int Code, int Signal, DateTimeOffset FinishedAt, bool OomKilled, bool Lost)
{
    internal static HolderExit From(ulong code, ulong signal, ulong finishedNs, ulong oomKills, bool lost) => new(
        signal != 0 ? 128 + (int)Math.Min(signal, 127) : (int)Math.Min(code, 255), (int)Math.Min(signal, 127),
        // Ticks are 100 ns; beyond the year 2262 a holder's clock was never right.
        DateTimeOffset.UnixEpoch.AddTicks((long)(Math.Min(finishedNs, long.MaxValue) / 100)), oomKills > 0, lost);
}

/// <summary>The note that a holder leaves on tmpfs for each container that ended.</summary>
public static class HolderExitFile
{
    /// <returns>Null when the text is none: the exit counts as unknown then.</returns>
    public static HolderExit? Parse(string text)
    {
        Dictionary<string, ulong> values = [];
        foreach (string word in text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = word.Split('=');
            if (pair.Length != 2 || !ulong.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)) return null;
            values[pair[0]] = value;
        }
        return text.EndsWith('\n') && values.TryGetValue("code", out ulong code) && values.TryGetValue("signal", out ulong signal)
            && values.TryGetValue("finished", out ulong finished) && values.TryGetValue("oom", out ulong oom) && values.TryGetValue("lost", out ulong lost)
            ? HolderExit.From(code, signal, finished, oom, lost != 0) : null;
    }

    /// <returns>Null when there is no file, or none that makes sense.</returns>
    public static HolderExit? Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
