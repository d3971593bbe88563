using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Composition.Start;

/// <summary>
/// --lock-file: the start waits until nobody else holds it. With --exit-on-lock-contention this agent makes way as soon as
/// another one opens or removes the file.
/// </summary>
internal sealed partial class LockFile : IAsyncDisposable
{
    private readonly FileLock _held;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _watching;

    private LockFile(FileLock held, string path, bool makeWay, Action contended, ILogger log)
    {
        _held = held;
        _watching = makeWay ? WatchAsync(path, contended, log, _ending.Token) : Task.CompletedTask;
    }

    /// <returns>Null where no file is given.</returns>
    /// <exception cref="ConfigException">The file cannot be made or watched.</exception>
    public static async Task<LockFile?> TakeAsync(StartOptions options, Action contended, ILogger log, CancellationToken cancel)
    {
        if (options.LockFile is not { } path) return null;
        try
        {
            Waiting(log, path);
            return new(await FileLock.WaitAsync(path, cancel), path, options.ExitOnLockContention, contended, log);
        }
        catch (ErrnoException e)
        {
            throw new ConfigException($"unable to acquire file lock on --lock-file {path}: {e.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _watching;
        _ending.Dispose();
        _held.Dispose();
    }

    private static async Task WatchAsync(string path, Action contended, ILogger log, CancellationToken cancel)
    {
        try
        {
            using Inotify inotify = new();
            inotify.Watch(path, FileEvents.Opened | FileEvents.DeletedSelf);
            await inotify.ReadAsync(cancel);
            Contended(log, path);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (ErrnoException e)
        {
            // Gone between taking and watching is what is watched for; without a watch nobody could be made way for.
            Unwatched(log, path, e.Message);
        }
        contended();
    }

    [LoggerMessage(LogLevel.Information, "Acquiring file lock path={Path}")]
    private static partial void Waiting(ILogger log, string path);

    [LoggerMessage(LogLevel.Information, "Lock file contended, ending path={Path}")]
    private static partial void Contended(ILogger log, string path);

    [LoggerMessage(LogLevel.Error, "Lock file cannot be watched, ending path={Path}: {Cause}")]
    private static partial void Unwatched(ILogger log, string path, string cause);
}
