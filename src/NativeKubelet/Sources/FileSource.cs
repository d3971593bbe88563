using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Sources;

/// <summary>
/// Pods of a directory, or of one file (spec 30 §1.1). Reacts to inotify at once; a full listing every checkFrequency is
/// the safety net for what inotify cannot see (a link's target elsewhere, network file systems).
/// </summary>
internal sealed partial class FileSource : IPodSource
{
    private const FileEvents Watched = FileEvents.Content | FileEvents.Attributes | UnsettledFiles.Modified | FileEvents.OnlyDirectory;

    // Of a directory above ours only what may lead to it: others may be busy there.
    private const FileEvents WatchedAbove = FileEvents.Created | FileEvents.MovedTo | FileEvents.DeletedSelf | FileEvents.MovedSelf | FileEvents.OnlyDirectory;

    private const FileEvents DirectoryEnds = FileEvents.DeletedSelf | FileEvents.MovedSelf | FileEvents.Unmounted | FileEvents.Ended;

    private static readonly TimeSpan StandardFrequency = TimeSpan.FromSeconds(20);

    private readonly string _path;
    private readonly LastValidManifests _lastValid;
    private readonly TimeSpan _checkFrequency;
    private readonly ManifestFolder _folder;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly UnsettledFiles _unsettled = new();
    private readonly ProblemAges _ages = new();
    private volatile bool _ready;
    private long _listed;
    private Task _saving = Task.CompletedTask;

    // One place, and the newest takes it: sets are complete, an older one is of no use.
    private readonly Channel<PodSet> _sets = Channel.CreateBounded<PodSet>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <param name="path">staticPodPath; relative paths are taken from the working directory.</param>
    public FileSource(string path, string nodeName, TimeSpan checkFrequency, LastValidManifests lastValid, TimeProvider time, ILogger<FileSource> log, ManifestScope scope = ManifestScope.Standalone)
    {
        _path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        _checkFrequency = checkFrequency > TimeSpan.Zero ? checkFrequency : StandardFrequency;
        _lastValid = lastValid;
        _folder = new ManifestFolder(_path, nodeName, lastValid, time, scope);
        _time = time;
        _log = log;
    }

    public string Name => ManifestOrigin.FileSource;

    public bool Ready => _ready;

    public ChannelReader<PodSet> Sets => _sets.Reader;

    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            bool told = false;
            while (!cancel.IsCancellationRequested)
            {
                try
                {
                    await WatchAsync(cancel);
                    told = false;
                }
                catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
                {
                    // It went between choosing and watching; choose again.
                }
                catch (IOException e)
                {
                    if (!told) WatchFailed(_path, e.Message, _checkFrequency);
                    told = true;
                    Publish(_folder.Rescan(_unsettled.Names));
                    await Task.Delay(_checkFrequency, _time, cancel);
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // the way to end
        }
        finally
        {
            await _saving;
            // After a fault this source is run again, and whoever reads the sets waits for more.
            if (cancel.IsCancellationRequested) _sets.Writer.TryComplete();
        }
    }

    /// <summary>
    /// Until the next full listing is due, or the directory to watch is another one: it went, or appeared. Watching anew with
    /// each listing finds what no event tells: another directory mounted, or a link turned, at the same path.
    /// </summary>
    private async Task WatchAsync(CancellationToken cancel)
    {
        string directory = DirectoryToWatch();
        using Inotify inotify = new();
        inotify.Watch(directory, directory == _path || directory == Path.GetDirectoryName(_path) ? Watched : WatchedAbove);
        // Only now, with the watch in place, is nothing missed between listing and waiting.
        _listed = _time.GetTimestamp();
        Publish(_folder.Rescan(_unsettled.Names));

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task<ImmutableArray<FileEvent>> reading = inotify.ReadAsync(stop.Token);
        try
        {
            while (_time.GetElapsedTime(_listed) < _checkFrequency && DirectoryToWatch() == directory)
            {
                if (!await HappenedAsync(reading, Wait(), cancel))
                {
                    Publish(Settle());
                    continue;
                }
                ImmutableArray<FileEvent> events = await reading;
                reading = inotify.ReadAsync(stop.Token);
                bool gone = events.Any(e => (e.Events & DirectoryEnds) != 0);
                Publish(React(events, directory, gone) | Settle());
                if (gone) return; // the same path may be another directory by now
            }
        }
        finally
        {
            await stop.CancelAsync();
            await reading.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private bool React(ImmutableArray<FileEvent> events, string directory, bool gone)
    {
        if (directory != _path) events = [.. events.Where(e => e.Name == Path.GetFileName(_path) || e.Name.StartsWith("..", StringComparison.Ordinal))];
        (List<string> look, bool all) = _unsettled.Read(events, _time.GetTimestamp(), name => IsLink(Path.Combine(directory, name)));
        bool changed = false;
        foreach (string name in look) changed |= _folder.RefreshName(name);
        if (all || gone) changed |= _folder.Rescan(_unsettled.Names);
        return changed;
    }

    /// <summary>Looks at files that were waited for long enough.</summary>
    private bool Settle()
    {
        bool changed = false;
        foreach (string name in _unsettled.Due(_time.GetTimestamp(), _time.GetElapsedTime)) changed |= _folder.RefreshName(name);
        return changed;
    }

    private TimeSpan Wait()
    {
        TimeSpan listing = _checkFrequency - _time.GetElapsedTime(_listed);
        return _unsettled.NextDue(_time.GetTimestamp(), _time.GetElapsedTime) is { } due && due < listing ? due : listing;
    }

    /// <summary>The path itself; for a single file its directory; where nothing is yet, the nearest directory above.</summary>
    private string DirectoryToWatch()
    {
        string at = _path;
        while (!Directory.Exists(at) && Path.GetDirectoryName(at) is { } above) at = above;
        return at;
    }

    private async Task<bool> HappenedAsync(Task reading, TimeSpan most, CancellationToken cancel)
    {
        if (most <= TimeSpan.Zero) return reading.IsCompleted;
        using CancellationTokenSource timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task first = await Task.WhenAny(reading, Task.Delay(most, _time, timer.Token));
        await timer.CancelAsync();
        cancel.ThrowIfCancellationRequested();
        return first == reading;
    }

    private void Publish(bool changed)
    {
        if (!changed && _ready) return;
        (ImmutableArray<ManifestProblem> problems, ImmutableArray<ManifestProblem> fresh) = _ages.Date(_folder.Problems, _time.GetUtcNow());
        foreach (ManifestProblem problem in fresh)
        {
            if (problem.Severity == ProblemSeverity.Warning) ManifestDoubtful(problem);
            else if (problem.StandIn) ManifestRefusedButRuns(problem);
            else ManifestRefused(problem);
        }
        _sets.Writer.TryWrite(new PodSet(Name, [.. _folder.Pods], problems) { Objects = [.. _folder.Objects] });
        _ready = true;
        // After the pods are on their way: none of them waits for a disk to sync.
        if (_folder.TakeUnsaved() is { Count: > 0 } unsaved) _saving = SaveAsync(_saving, unsaved);
    }

    private async Task SaveAsync(Task before, List<(string Path, byte[] Content)> unsaved)
    {
        await before;
        await Task.Run(() =>
        {
            foreach ((string path, byte[] content) in unsaved) _lastValid.Save(ManifestOrigin.FileSource, path, content);
        });
    }

    private static bool IsLink(string path) => new FileInfo(path).LinkTarget is not null;

    [LoggerMessage(LogLevel.Error, "ManifestRefused {Problem}")]
    private partial void ManifestRefused(ManifestProblem problem);

    [LoggerMessage(LogLevel.Error, "ManifestRefused {Problem}; its last valid content stays in force until the file is valid again or gone")]
    private partial void ManifestRefusedButRuns(ManifestProblem problem);

    [LoggerMessage(LogLevel.Warning, "ManifestDoubtful {Problem}")]
    private partial void ManifestDoubtful(ManifestProblem problem);

    [LoggerMessage(LogLevel.Warning, "WatchFailed path={Path}: {Cause}; changes are seen only every {Period}")]
    private partial void WatchFailed(string path, string cause, TimeSpan period);
}
