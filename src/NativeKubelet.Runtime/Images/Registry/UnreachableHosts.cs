namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>Hosts that could not be reached a moment ago. One that swallows packets must cost its time once, not for each layer.</summary>
internal sealed class UnreachableHosts(TimeProvider time)
{
    private static readonly TimeSpan Moment = TimeSpan.FromMinutes(1);
    private readonly Dictionary<Uri, long> _since = [];

    /// <summary>The same hosts in the same order, but these last.</summary>
    public RegistryHost[] Last(IEnumerable<RegistryHost> hosts)
    {
        lock (_since) return [.. hosts.OrderBy(h => _since.TryGetValue(h.Root, out long since) && time.GetElapsedTime(since) < Moment)];
    }

    public void Add(RegistryHost host)
    {
        lock (_since) _since[host.Root] = time.GetTimestamp();
    }

    public void Remove(RegistryHost host)
    {
        lock (_since) _since.Remove(host.Root);
    }
}
