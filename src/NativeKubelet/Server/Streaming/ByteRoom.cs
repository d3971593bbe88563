namespace NativeKubelet.Server.Streaming;

/// <summary>A bound on bytes that are held for somebody: who wants to hold more waits, in turn, until others were given back.</summary>
/// <param name="size">Nobody may ask for more at once.</param>
internal sealed class ByteRoom(int size)
{
    private readonly Lock _gate = new();
    private readonly Queue<Waiter> _waiting = new();
    private long _free = size;

    public ValueTask TakeAsync(int count, CancellationToken cancel)
    {
        Waiter waiter;
        lock (_gate)
        {
            if (_waiting.Count == 0 && _free >= count)
            {
                _free -= count;
                return ValueTask.CompletedTask;
            }
            _waiting.Enqueue(waiter = new Waiter(count));
        }
        return new(WaitAsync(waiter, cancel));
    }

    public void Give(long count)
    {
        lock (_gate)
        {
            _free += count;
            while (_waiting.TryPeek(out Waiter? first) && (_free >= first.Count || first.Task.IsCanceled))
                if (_waiting.Dequeue().TrySetResult()) _free -= first.Count;
        }
    }

    /// <summary>Whoever waits goes on, and nobody waits any more: what is held is no longer held for long.</summary>
    public void Lift() => Give(long.MaxValue / 2);

    private async Task WaitAsync(Waiter waiter, CancellationToken cancel)
    {
        await using (cancel.UnsafeRegister(static (w, token) => ((Waiter)w!).TrySetCanceled(token), waiter))
        {
            try
            {
                await waiter.Task;
            }
            catch (OperationCanceledException)
            {
                // Those behind it may have room enough.
                Give(0);
                throw;
            }
        }
    }

    private sealed class Waiter(int count) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public int Count => count;
    }
}
