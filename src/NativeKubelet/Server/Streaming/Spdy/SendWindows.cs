namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>
/// How much the peer lets us send before it says that it has read. Kubernetes' own clients never say so, and would starve if
/// the windows of SPDY/3.1 bound them: a window counts from the first time that the peer speaks of windows of its kind, and
/// what was sent before counts too.
/// </summary>
internal sealed class SendWindows
{
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, long> _streams = [];
    private long _session = SpdyFrame.FirstWindow, _first = SpdyFrame.FirstWindow;
    private bool _sessionCounts, _streamsCount, _ended;
    private TaskCompletionSource _changed = New();

    public void Open(uint stream)
    {
        lock (_gate) _streams[stream] = _first;
    }

    public void Close(uint stream)
    {
        lock (_gate) _streams.Remove(stream);
        Ring();
    }

    /// <summary>The connection is over; who waits learns it from the sender.</summary>
    public void End()
    {
        lock (_gate) _ended = true;
        Ring();
    }

    /// <returns>How many of <paramref name="wanted"/> bytes may go now; at least one.</returns>
    public async ValueTask<int> TakeAsync(uint stream, int wanted, CancellationToken cancel)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                int count = (int)Math.Min(wanted, Math.Min(_sessionCounts ? _session : wanted, _streamsCount ? _streams.GetValueOrDefault(stream, wanted) : wanted));
                if (_ended) return wanted;
                if (count > 0)
                {
                    _session -= count;
                    if (_streams.TryGetValue(stream, out long window)) _streams[stream] = window - count;
                    return count;
                }
                changed = _changed.Task;
            }
            await changed.WaitAsync(cancel);
        }
    }

    /// <returns>False when the window would become larger than there can be.</returns>
    public bool TryEnlarge(uint stream, uint by)
    {
        lock (_gate)
        {
            if (stream == 0)
            {
                _sessionCounts = true;
                if ((_session += by) > SpdyFrame.MostWindow) return false;
            }
            else
            {
                _streamsCount = true;
                if (!_streams.TryGetValue(stream, out long window)) return true;
                if ((_streams[stream] = window + by) > SpdyFrame.MostWindow) return false;
            }
        }
        Ring();
        return true;
    }

    /// <summary>The window that streams begin with; those that are open change by the difference.</summary>
    public void SetFirst(uint window)
    {
        lock (_gate)
        {
            _streamsCount = true;
            foreach (uint stream in _streams.Keys) _streams[stream] += window - _first;
            _first = window;
        }
        Ring();
    }

    private void Ring()
    {
        TaskCompletionSource ring;
        lock (_gate) (ring, _changed) = (_changed, New());
        ring.SetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
