using NativeKubelet.Config;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime;

namespace NativeKubelet.Composition.Start;

/// <summary>This agent alone works on RUN and DATA. The kernel gives both back when the process ends, however it ends.</summary>
internal sealed class AgentLocks : IDisposable
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // A child between clone and exec has a copy of every fd: after a kill -9 the dead agent's lock may last that long.
    private static readonly TimeSpan DeadHolderPatience = TimeSpan.FromSeconds(2), Pause = TimeSpan.FromMilliseconds(5);

    private readonly FileLock _run, _data;

    private AgentLocks(FileLock run, FileLock data) => (_run, _data) = (run, data);

    /// <summary>Makes both directories where they are missing.</summary>
    /// <exception cref="ConfigException">Another process holds one of them; it is named.</exception>
    public static async Task<AgentLocks> TakeAsync(RuntimePaths paths, TimeProvider time, CancellationToken cancel)
    {
        Directory.CreateDirectory(paths.Run, OnlyOwner);
        Directory.CreateDirectory(paths.Data, OnlyOwner);
        FileLock run = await TakeAsync("--run-dir", paths.Run, time, cancel);
        try
        {
            return new(run, await TakeAsync("--data-dir", paths.Data, time, cancel));
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _data.Dispose();
        _run.Dispose();
    }

    private static async Task<FileLock> TakeAsync(string flag, string directory, TimeProvider time, CancellationToken cancel)
    {
        string path = Path.Combine(directory, "lock");
        for (long begun = time.GetTimestamp(); ; await Task.Delay(Pause, time, cancel))
        {
            if (FileLock.TryTake(path, out int holder) is { } taken) return taken;
            if (Directory.Exists($"/proc/{holder}") || time.GetElapsedTime(begun) > DeadHolderPatience)
                throw new ConfigException($"{flag} {directory} is in use: process {holder} holds {path}; stop that one, or give this agent directories of its own (--run-dir, --data-dir, --root-dir)");
        }
    }
}
