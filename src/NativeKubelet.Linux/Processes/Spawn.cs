using System.Collections.Immutable;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>What a new process gets. Nothing is inherited that is not named here: neither environment nor fds.</summary>
/// <param name="Path">The program; no search along PATH. Ignored where <see cref="Program"/> is set.</param>
/// <param name="Arguments">argv, its first element included.</param>
public sealed record SpawnRequest(string Path, ImmutableArray<string> Arguments)
{
    /// <summary>"NAME=value" each.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>The child's fds 0, 1, 2 …; null gives /dev/null. Missing ones of the first three are /dev/null too.</summary>
    public ImmutableArray<SafeHandle?> Descriptors { get; init; } = [];

    /// <summary>Runs this open program (a memfd). The child sees it as the fd after its last one and should close it.</summary>
    public FileDescriptor? Program { get; init; }

    /// <summary>A session of its own (setsid(2)): the child outlives our terminal and gets no signals meant for us.</summary>
    public bool NewSession { get; init; }
}

/// <summary>posix_spawn(3): the way to start a process from a managed one, where fork is deadly.</summary>
public static unsafe partial class Spawn
{
    private const int DuplicateCloseOnExec = 1030;
    private const short SetProcessGroup = 0x02, SetSignalDefaults = 0x04, SetSignalMask = 0x08, SetSession = 0x80;
    private const int ActionsSize = 128, AttributesSize = 512, SignalSetSize = 128, ReadWrite = 2;

    /// <summary>Starts a child of this program, in a process group of its own, with default signal dispositions and none blocked.</summary>
    /// <exception cref="ErrnoException">The program could not be executed; no process is left behind.</exception>
    public static PidFd Start(SpawnRequest request)
    {
        int count = Math.Max(3, request.Descriptors.Length);
        byte* actions = stackalloc byte[ActionsSize];
        byte* attributes = stackalloc byte[AttributesSize];
        List<FileDescriptor> copies = [];
        Check(ActionsInit(actions), "posix_spawn_file_actions_init", request.Path);
        Check(AttributesInit(attributes), "posix_spawnattr_init", request.Path);
        try
        {
            string path = request.Path;
            for (int i = 0; i < count; i++)
                if (i < request.Descriptors.Length && request.Descriptors[i] is { } fd) Map(actions, fd, i, count, copies);
                else Check(ActionsAddOpen(actions, i, "/dev/null", ReadWrite, 0), "posix_spawn_file_actions_addopen", "/dev/null");
            int kept = count;
            if (request.Program is { } program)
            {
                Map(actions, program, kept, count, copies);
                path = $"/proc/self/fd/{kept++}";
            }
            Check(ActionsAddCloseFrom(actions, kept), "posix_spawn_file_actions_addclosefrom_np", path);
            SetAttributes(attributes, request);

            using StringVector arguments = new(request.Arguments), environment = new(request.Environment);
            int error = PosixSpawn(out int pid, path, actions, attributes, arguments.Pointer, environment.Pointer);
            if (error != 0) throw new ErrnoException("posix_spawn", request.Path, error);
            return PidFd.Open(pid);     // ours and not reaped yet, so the number cannot have been reused
        }
        finally
        {
            foreach (FileDescriptor copy in copies) copy.Dispose();
            _ = ActionsDestroy(actions);
            _ = AttributesDestroy(attributes);
        }
    }

    /// <summary>Always maps a copy above every target, so that no dup2 overwrites a source that a later one needs.</summary>
    private static void Map(byte* actions, SafeHandle fd, int target, int count, List<FileDescriptor> copies)
    {
        FileDescriptor copy = Duplicate(fd, DuplicateCloseOnExec, count + 1);
        if (copy.IsInvalid) throw ErrnoException.Last("fcntl(F_DUPFD_CLOEXEC)", $"fd {target} of the child");
        copies.Add(copy);
        Check(ActionsAddDup2(actions, copy.Number, target), "posix_spawn_file_actions_adddup2", $"fd {target} of the child");
    }

    private static void SetAttributes(byte* attributes, SpawnRequest request)
    {
        byte* none = stackalloc byte[SignalSetSize];
        byte* all = stackalloc byte[SignalSetSize];
        new Span<byte>(none, SignalSetSize).Clear();
        new Span<byte>(all, SignalSetSize).Fill(0xff);
        // The runtime ignores SIGPIPE and blocks some signals on its threads; a child must not inherit either.
        Check(AttributesSetMask(attributes, none), "posix_spawnattr_setsigmask", request.Path);
        Check(AttributesSetDefault(attributes, all), "posix_spawnattr_setsigdefault", request.Path);
        short flags = SetSignalDefaults | SetSignalMask;
        flags |= request.NewSession ? SetSession : SetProcessGroup;
        Check(AttributesSetFlags(attributes, flags), "posix_spawnattr_setflags", request.Path);
    }

    private static void Check(int error, string call, string target)
    {
        if (error != 0) throw new ErrnoException(call, target, error);
    }

    /// <summary>A NULL-terminated array of C strings in native memory.</summary>
    private sealed class StringVector : IDisposable
    {
        private readonly int _count;

        public StringVector(ImmutableArray<string> values)
        {
            _count = values.Length;
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
            for (int i = 0; i < _count; i++)
            {
                if (values[i].Contains('\0')) throw new ArgumentException($"argument {i} contains a NUL byte");
                Pointer[i] = (byte*)Marshal.StringToCoTaskMemUTF8(values[i]);
            }
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (int i = 0; i < _count; i++) Marshal.FreeCoTaskMem((nint)Pointer[i]);
            NativeMemory.Free(Pointer);
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PosixSpawn(out int pid, string path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int ActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int ActionsDestroy(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int ActionsAddDup2(byte* actions, int fd, int target);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ActionsAddOpen(byte* actions, int fd, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addclosefrom_np")]
    private static partial int ActionsAddCloseFrom(byte* actions, int lowest);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int AttributesSetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int AttributesSetMask(byte* attributes, byte* set);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int AttributesSetDefault(byte* attributes, byte* set);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial FileDescriptor Duplicate(SafeHandle fd, int command, nint lowest);
}
