namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>
/// The numbers of native/include/protocol.h, under the same names without their prefix; a test compares them with what
/// <c>nk-holder --describe</c> prints. Additive only within a major version.
/// </summary>
internal static class HolderProtocol
{
    public const uint Magic = 0x314b4e48;
    public const ushort Major = 1, Minor = 0;
    public const int HeaderSize = 24, FieldHeaderSize = 4;
    public const int MaxMessage = 32768, MaxArguments = 256, MaxEnvironment = 64, MaxSysctls = 64, MaxCgroups = 24;
    public const int MaxId = 79, MaxPath = 767, MaxConsolePath = 107, MaxContainers = 128, MaxExecs = 256, MaxClients = 32;
    public const int MaxLine = 16384;
}

internal enum HolderMessageType : ushort
{
    Hello = 1, StartPause, Run, Exec, Attach, Detach, Resize, CloseStdin, Rotate, Signal, List, Ack, Quit,
    Reply = 64,
    Started = 80, StartFailed, Exited, PauseExited, LogDropped,
}

internal enum HolderTag : ushort
{
    Id = 1, ExecId, Arg, Env, PidFile, ExitFile, OomFile, LogName, LogMaxSize, LogMaxFiles, Console, Flags, Error, Text, Pid,
    Event, Code, SignalNumber, Finished, OomKills, Lost, Namespaces, Hostname, Sysctl, UidMap, GidMap, Cgroup, Rows, Columns,
    Entry, Next, Dropped, State, Client, PausePid,
}

/// <summary>The namespaces that a pause process keeps; its mount namespace is always its own.</summary>
[Flags]
public enum PauseNamespaces { None = 0, Network = 1, Ipc = 2, Uts = 4, Pid = 8, User = 16 }

[Flags]
internal enum HolderFlags : ulong { None = 0, Stdin = 1, Stdout = 2, Stderr = 4, Tty = 8, CloseStdinAtEof = 16, Force = 32, Group = 64 }

/// <summary>Where a container or exec stands with its holder.</summary>
public enum HolderProcessState { Free, Starting, Running, Ended, Failed }
