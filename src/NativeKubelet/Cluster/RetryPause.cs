namespace NativeKubelet.Cluster;

/// <summary>
/// Pauses between tries that double up to a limit and are never the same on two nodes: a server that comes back must not be
/// met by all of them at once.
/// </summary>
public sealed class RetryPause(TimeSpan first, TimeSpan longest, TimeProvider time)
{
    private int _tries;

    public void Reset() => _tries = 0;

    /// <param name="asked">What the server asked for, if it did: no less than that.</param>
    public Task WaitAsync(TimeSpan? asked, CancellationToken cancel)
    {
        TimeSpan doubled = first * Math.Pow(2, Math.Min(_tries++, 30));
        TimeSpan pause = (doubled < longest ? doubled : longest) * (0.5 + Random.Shared.NextDouble());
        return Task.Delay(asked > pause ? asked.Value : pause, time, cancel);
    }
}
