using System.Buffers;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Streams;

/// <summary>
/// Copies a container's log to a stream: records become lines again, byte for byte. It holds what it reads by inode, so that
/// rotation neither repeats nor loses a line while the reader keeps up with it. Memory does not grow with the log.
/// </summary>
public sealed class LogReader : IDisposable
{
    private static readonly TimeSpan WithoutInotify = TimeSpan.FromMilliseconds(500);

    private readonly LogFiles _files;
    private readonly LogOptions _options;
    private readonly LogLines _lines;
    private readonly TimeProvider _time;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(256 * 1024);
    private int _filled;
    private bool _skipping;

    /// <param name="path">…/N.log.</param>
    /// <exception cref="ErrnoException">ENOENT: the log's directory is not there.</exception>
    public LogReader(string path, LogOptions options, Stream to, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _files = new LogFiles(path);
        _lines = new LogLines(to, options);
    }

    /// <param name="ended">Completes when nothing more will be written; only asked when following.</param>
    /// <exception cref="FileNotFoundException">There is no file of this log.</exception>
    /// <exception cref="IOException">A file is refused (a link, a device), or the stream's other end is gone.</exception>
    public async Task CopyAsync(Task ended, CancellationToken cancel)
    {
        await CopyRecordsAsync(ended, cancel);
        _lines.End();
        await _lines.FlushAsync(cancel);
    }

    public void Dispose()
    {
        _files.Dispose();
        _lines.Dispose();
        byte[] buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private async Task CopyRecordsAsync(Task ended, CancellationToken cancel)
    {
        // Watching begins before the first look: a change in between rings once too often instead of never.
        using Inotify? changes = _options.Follow ? TryWatch() : null;
        List<LogFile> open = _options.Rotated ? _files.OpenAll() : _files.TryOpenCurrent() is { } one ? [one] : [];
        if (open.Count == 0) throw new FileNotFoundException($"{_files.Directory} holds no log file");
        try
        {
            (int first, long offset) = _options.Tail is { } lines ? LogTail.Find(open, lines) : (0, 0);
            for (int i = first; i < open.Count; i++, offset = 0)
            {
                OpenedFile.Rewind(open[i].Descriptor, offset, open[i].Name);
                await DrainAsync(open[i], cancel);
            }
            await _lines.FlushAsync(cancel);
            if (!_options.Follow || _lines.Done) return;
            LogFile last = open[^1];
            open.RemoveAt(open.Count - 1);
            await FollowAsync(last, changes, ended, cancel);
        }
        finally
        {
            foreach (LogFile file in open) file.Dispose();
        }
    }

    /// <summary>Takes over <paramref name="file"/>.</summary>
    private async Task FollowAsync(LogFile file, Inotify? changes, Task ended, CancellationToken cancel)
    {
        using CancellationTokenSource watching = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task changed = Task.CompletedTask;
        try
        {
            while (true)
            {
                bool last = ended.IsCompleted;
                if (changed.IsCompleted) changed = changes?.ReadAsync(watching.Token) ?? Task.Delay(WithoutInotify, _time, watching.Token);
                await DrainAsync(file, cancel);
                while (_files.TryOpenNext(file) is { } next)
                {
                    // The writer has left the old file before it made the new one; what it wrote last is read first.
                    await DrainAsync(file, cancel);
                    file.Dispose();
                    file = next;
                    await DrainAsync(file, cancel);
                }
                await _lines.FlushAsync(cancel);
                if (last || _lines.Done) return;
                await Task.WhenAny(changed, ended);
                cancel.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            await watching.CancelAsync();
            await changed.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            file.Dispose();
        }
    }

    private async Task DrainAsync(LogFile file, CancellationToken cancel)
    {
        while (!_lines.Done)
        {
            cancel.ThrowIfCancellationRequested();
            int count = OpenedFile.Read(file.Descriptor, _buffer.AsSpan(_filled), file.Name);
            if (count == 0) return;
            _filled += count;
            int at = 0;
            while (TakeRecord(ref at))
                if (_lines.Full)
                {
                    await _lines.FlushAsync(cancel);
                    if (_lines.Done) return;
                }
            Keep(at);
        }
    }

    /// <param name="at">Where it begins; moves behind it.</param>
    private bool TakeRecord(ref int at)
    {
        ReadOnlySpan<byte> rest = _buffer.AsSpan(at, _filled - at);
        int end = rest.IndexOf((byte)'\n');
        if (end < 0) return false;
        if (!_skipping) _lines.Add(rest[..end]);
        _skipping = false;
        at += end + 1;
        return true;
    }

    /// <summary>What is left of the buffer is the beginning of a record.</summary>
    private void Keep(int at)
    {
        Span<byte> rest = _buffer.AsSpan(at, _filled - at);
        if (rest.Length == _buffer.Length)
        {
            // No record is so long: what is here is not a log, or a part of the disk was lost. It is read past.
            _skipping = true;
            rest = default;
        }
        rest.CopyTo(_buffer);
        _filled = rest.Length;
    }

    private Inotify? TryWatch()
    {
        Inotify? changes = null;
        try
        {
            changes = new Inotify();
            changes.Watch(_files.Directory, FileEvents.Modified | FileEvents.Created | FileEvents.MovedTo | FileEvents.OnlyDirectory);
            return changes;
        }
        catch (ErrnoException)
        {
            // The limit of watches is reached: looking twice a second costs more but shows the same.
            changes?.Dispose();
            return null;
        }
    }
}
