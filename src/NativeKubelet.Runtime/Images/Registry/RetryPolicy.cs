namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>How often and how soon something is tried again within one pull; between pulls the kubelet's own back-off rules.</summary>
/// <param name="Tries">In all, the first included.</param>
/// <param name="First">The wait after the first failure; each further one doubles it.</param>
/// <param name="Longest">No wait is longer. A registry that asks for more is not waited for.</param>
public sealed record RetryPolicy(int Tries, TimeSpan First, TimeSpan Longest)
{
    public static RetryPolicy Default { get; } = new(5, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(30));

    /// <summary>How long to wait; null to give up.</summary>
    /// <param name="failures">So far, 1 or more.</param>
    /// <param name="asked">What the registry asked for (Retry-After).</param>
    /// <param name="random">0 to 1: nodes that failed together must not come back together.</param>
    public TimeSpan? Wait(int failures, TimeSpan? asked, double random)
    {
        if (failures >= Tries || asked > Longest) return null;
        double doubled = First.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 30));
        TimeSpan own = TimeSpan.FromMilliseconds(Math.Min(doubled, Longest.TotalMilliseconds) * (0.5 + random / 2));
        return asked is { } wish && wish > own ? wish : own;
    }
}
