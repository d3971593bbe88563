namespace NativeKubelet.Server;

/// <summary>Looks after the peer while an answer waits for something to tell; without it a client that left would hold its place for ever.</summary>
public sealed class PeerWatch : IAsyncDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly Task _watch;

    internal PeerWatch(HttpConnection connection, CancellationToken cancel)
    {
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _watch = WatchAsync(connection);
    }

    /// <summary>Cancelled when the peer has left or the server ends.</summary>
    public CancellationToken Token => _source.Token;

    public async ValueTask DisposeAsync()
    {
        await _source.CancelAsync();
        await _watch;
        _source.Dispose();
    }

    private async Task WatchAsync(HttpConnection connection)
    {
        try
        {
            await connection.PeerLeftAsync(_source.Token);
            await _source.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // The answer is complete.
        }
    }
}
