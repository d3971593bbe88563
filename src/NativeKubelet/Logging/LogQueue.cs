namespace NativeKubelet.Logging;

/// <summary>Writes whole lines; throws IOException when it cannot.</summary>
public delegate void LogOutput(ReadOnlySpan<byte> lines);

/// <summary>
/// Between those who log and a pipe whose reader may be slow, stopped or gone: adding a line never waits and never fails.
/// What does not fit, or cannot be written, is dropped and counted, and one line says how many when writing works again.
/// </summary>
public sealed class LogQueue : IDisposable
{
    /// <summary>A burst of some thousand lines; the writer has them out in milliseconds where anybody reads.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>The process has a second to end in all, and a reader that is stuck reads nothing then either.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(150);

    private readonly Lock _gate = new();
    private readonly AutoResetEvent _added = new(false);
    private readonly Queue<byte[]> _lines = new();
    private readonly LogOutput _write;
    private readonly Func<long, byte[]> _notice;
    private readonly TimeProvider _time;
    private readonly Thread _writer;
    private int _bytes;
    private long _gap, _untold, _dropped, _writingSince;
    private bool _ended;

    /// <param name="notice">The line that tells of so many dropped ones.</param>
    public LogQueue(LogOutput write, Func<long, byte[]> notice, TimeProvider time)
    {
        (_write, _notice, _time) = (write, notice, time);
        _writer = new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    /// <summary>Lines that were lost since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>How long the write in progress has been waiting for its reader; zero when there is none.</summary>
    public TimeSpan BlockedFor => Interlocked.Read(ref _writingSince) is var since and not 0 ? _time.GetElapsedTime(since) : TimeSpan.Zero;

    public void Add(byte[] line)
    {
        lock (_gate)
        {
            if (_ended) return;
            if (_bytes + line.Length > MaxBytes)
            {
                // An empty line marks where the gap is among the others.
                if (_gap++ == 0) _lines.Enqueue([]);
                Interlocked.Increment(ref _dropped);
                return;
            }
            _lines.Enqueue(line);
            _bytes += line.Length;
        }
        _added.Set();
    }

    /// <summary>Writes what is left, for as long as somebody reads.</summary>
    public void Dispose()
    {
        lock (_gate) _ended = true;
        _added.Set();
        // A writer that is stuck keeps its event; the process ends without it.
        if (_writer.Join(LastWords)) _added.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            byte[]? line;
            lock (_gate)
            {
                if (!_lines.TryDequeue(out line) && _ended) return;
                _bytes -= line?.Length ?? 0;
                if (line is { Length: 0 }) (_untold, _gap) = (_untold + _gap, 0);
            }
            if (line is null)
            {
                _added.WaitOne();
                continue;
            }
            bool told = Tell();
            if (line.Length == 0 || (told && TryWrite(line))) continue;
            _untold++;
            Interlocked.Increment(ref _dropped);
        }
    }

    private bool Tell()
    {
        if (_untold == 0) return true;
        if (!TryWrite(_notice(_untold))) return false;
        _untold = 0;
        return true;
    }

    private bool TryWrite(byte[] line)
    {
        Interlocked.Exchange(ref _writingSince, Math.Max(1, _time.GetTimestamp()));
        try
        {
            _write(line);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            Interlocked.Exchange(ref _writingSince, 0);
        }
    }
}
